import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { afterEach, describe, it } from "mocha";
import { freePort } from "../../src/control/listen.ts";

describe("a free port", () => {
  const taken: Socket[] = [];
  afterEach(() => {
    for (const socket of taken.splice(0)) socket.close();
  });

  async function take(port: number): Promise<number> {
    const socket = createSocket("udp4");
    taken.push(socket);
    socket.bind(port, "127.0.0.1");
    await once(socket, "listening");
    return socket.address().port;
  }

  it("is one on which both QUIC and TCP can listen, though other programs have many of UDP's", async () => {
    for (let i = 0; i < 800; i++) await take(0);
    for (let i = 0; i < 200; i++) {
      const port = await freePort();
      assert.ok(port > 0);
      assert.equal(await take(port), port);
      const tcp = createServer();
      await once(tcp.listen(port, "127.0.0.1"), "listening");
      tcp.close();
      taken.pop()?.close();
    }
  });
});
