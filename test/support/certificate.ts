/** A certificate for `localhost` that its own key signed, made by `openssl` where there is one. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export const hasOpenssl: boolean = Bun.which("openssl") !== null;

export interface Certificate {
  certificatePath: string;
  certificate: string;
  keyPath: string;
  key: string;
}

export function makeCertificate(directory: string): Certificate {
  const keyPath = join(directory, "key.pem");
  const certificatePath = join(directory, "certificate.pem");
  const { exitCode, stderr } = Bun.spawnSync(
    [
      ...["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"],
      ...["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
      ...["-keyout", keyPath, "-out", certificatePath],
    ],
    { stderr: "pipe" },
  );
  if (exitCode !== 0) throw new Error(`openssl failed: ${stderr.toString()}`);
  const key = readFileSync(keyPath, "utf8");
  return { keyPath, key, certificatePath, certificate: readFileSync(certificatePath, "utf8") };
}
