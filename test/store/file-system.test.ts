import { expect, test } from "bun:test";
import { networkFileSystemName, networkFileSystemWarning } from "../../src/store/file-system.ts";

test("network file systems are known by their statfs type, as a signed number too", () => {
  expect(networkFileSystemName(0x6969)).toBe("NFS");
  expect(networkFileSystemName(0xff534d42 | 0)).toBe("CIFS");
  expect(networkFileSystemName(0x01021997)).toBe("9p");
  expect(networkFileSystemName(0x65735546)).toBe("FUSE");
  expect(networkFileSystemName(0xef53)).toBeNull();
});

test("the warning says which share, and what to do", () => {
  expect(networkFileSystemWarning("/mnt/share/t.db", () => 0x6969)).toBe(
    "/mnt/share/t.db is on a network file system (NFS), where SQLite's WAL is unsafe and can lose data: set TELEMETRY_DB_PATH to a path on a local disk, and back the file up to the share.",
  );
});

test("a local disk, and a directory that is not there, give no warning", () => {
  expect(networkFileSystemWarning("/tmp/t.db", () => 0xef53)).toBeNull();
  expect(networkFileSystemWarning("/no/such/directory/t.db")).toBeNull();
});
