import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { encodeBatch } from "../../src/exporter/span-batch.ts";
import type { LinkReply, OpenLink, StoreLink } from "../../src/exporter/store-link.ts";
import { useTempDir } from "../support/temp-dir.ts";
import { newWriter, spanRecords, threadLink, workerLink } from "../support/writers.ts";

const tempDir = useTempDir();
const OPENERS: [string, (path: string) => OpenLink][] = [
  ["a Worker", (path) => workerLink(path)],
  ["this thread", (path) => threadLink(path)],
];

interface Opened {
  path: string;
  link: StoreLink;
  replies: LinkReply[];
  until: (type: LinkReply["type"]) => Promise<void>;
}

function open(opener: (path: string) => OpenLink, path = join(tempDir(), "t.db")): Opened {
  const replies: LinkReply[] = [];
  const link = opener(path)((reply) => replies.push(reply));
  const until = async (type: LinkReply["type"]): Promise<void> => {
    while (!replies.some((reply) => reply.type === type)) await Bun.sleep(1);
  };
  return { path, link, replies, until };
}

for (const [where, opener] of OPENERS) {
  describe(`a link to a connection in ${where}`, () => {
    test("answers each request, and leaves no -wal once it is closed", async () => {
      const { path, link, replies, until } = open(opener);
      link.send({ type: "open" });
      link.send({ type: "write", id: 7, batch: encodeBatch(spanRecords(150)) });
      link.send({ type: "write", id: 8, batch: "no batch" });
      link.send({ type: "close" });
      await until("closed");
      expect(replies).toMatchObject([
        { type: "opened" },
        { type: "written", id: 7, committed: 150, poison: 0 },
        { type: "failed", id: 8, kind: "poison" },
        { type: "closed" },
      ]);
      expect([existsSync(path), existsSync(`${path}-wal`)]).toEqual([true, false]);
    });

    test("answers while this thread is blocked", () => {
      const { link, replies } = open(opener);
      link.send({ type: "write", id: 1, batch: encodeBatch(spanRecords(10)) });
      link.send({ type: "close" });
      while (link.waitForReply(10_000));
      expect(replies.map(({ type }) => type)).toEqual(["written", "closed"]);
      expect(link.waitForReply(5)).toBe(false);
    });

    test("says what is wrong with a path, and goes on", async () => {
      const { link, replies, until } = open(opener, tempDir());
      link.send({ type: "open" });
      link.send({ type: "close" });
      await until("closed");
      expect(replies[0]).toMatchObject({ type: "failed", id: 0, kind: "cannot_open" });
    });

    test("that is abandoned says nothing more", async () => {
      const { link, replies } = open(opener);
      link.send({ type: "write", id: 1, batch: encodeBatch(spanRecords(10)) });
      link.abandon();
      await Bun.sleep(100);
      expect(replies).toEqual([]);
    });

    test("keeps :memory: for as long as it lives", async () => {
      const { link, replies, until } = open(opener, ":memory:");
      link.send({ type: "write", id: 1, batch: encodeBatch(spanRecords(10)) });
      link.send({ type: "write", id: 2, batch: encodeBatch(spanRecords(10)) });
      link.send({ type: "close" });
      await until("closed");
      expect(replies.slice(0, 2)).toMatchObject([{ committed: 10 }, { committed: 10 }]);
    });
  });
}

test("a writer that is closed and one that is only let go leave the file to the next", async () => {
  const path = join(tempDir(), "t.db");
  for (let i = 0; i < 3; i += 1) {
    const { writer } = newWriter(path);
    writer.accept(spanRecords(10, i * 10));
    await writer.close(5000);
    expect(writer.health()).toMatchObject({ committed: 10, queued: 0, state: "closed" });
  }
});
