import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { createSdNotifier } from "../../src/api/sd-notify.ts";
import { eventually } from "./temporary-directory.ts";

type Sent = [path: string, text: string][];

function recorder(): { sent: Sent; send: (path: string, data: Uint8Array) => boolean } {
  const sent: Sent = [];
  return { sent, send: (path, data) => sent.push([path, new TextDecoder().decode(data)]) > 0 };
}

describe("sd_notify", () => {
  it("speaks to the socket systemd named", () => {
    for (const path of ["/run/notify", "@abstract"]) {
      const { sent, send } = recorder();
      const notifier = createSdNotifier(send, { env: { NOTIFY_SOCKET: path } });
      assert.equal(notifier.watchdogIntervalMs, 0);
      assert.equal(notifier.ready("2 peers"), true);
      notifier.status("line one\nREADY=1");
      notifier.reloading(12_345n);
      notifier.stopping();
      assert.deepEqual(sent, [
        [path, "READY=1\nSTATUS=2 peers"],
        [path, "STATUS=line one READY=1"],
        [path, "RELOADING=1\nMONOTONIC_USEC=12345"],
        [path, "STOPPING=1"],
      ]);
    }
  });

  it("is silent outside systemd and where the address is of another kind", () => {
    for (const env of [{}, { NOTIFY_SOCKET: "" }, { NOTIFY_SOCKET: "vsock:2:1" }]) {
      const { sent, send } = recorder();
      const notifier = createSdNotifier(send, { env: { ...env, WATCHDOG_USEC: "1000" } });
      assert.equal(notifier.watchdogIntervalMs, 0);
      assert.equal(notifier.ready(), false);
      assert.deepEqual(sent, []);
    }
  });

  it("survives a socket that fails", () => {
    const env = { NOTIFY_SOCKET: "/run/notify" };
    const broken = (): boolean => {
      throw new Error("ECONNREFUSED");
    };
    assert.equal(createSdNotifier(broken, { env }).ready(), false);
    assert.equal(createSdNotifier(() => false, { env }).ready(), false);
  });

  it("feeds the watchdog while the node is alive, from ready to stopping", async () => {
    const { sent, send } = recorder();
    let alive = true;
    const notifier = createSdNotifier(send, {
      env: { NOTIFY_SOCKET: "/n", WATCHDOG_USEC: "20000" },
      alive: () => alive,
    });
    assert.equal(notifier.watchdogIntervalMs, 10);
    const pulses = (): number => sent.filter(([, text]) => text === "WATCHDOG=1").length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(pulses(), 0);
    notifier.ready();
    await eventually(() => pulses() >= 3);
    alive = false;
    const before = pulses();
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(pulses(), before);
    alive = true;
    await eventually(() => pulses() > before);
    notifier.stopping("bye");
    const last = pulses();
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(pulses(), last);
    assert.deepEqual(sent.at(-1), ["/n", "STOPPING=1\nSTATUS=bye"]);
  });

  it("takes a watchdog meant for this process or its launcher only", () => {
    const interval = (env: Record<string, string>): number =>
      createSdNotifier(() => true, { env: { NOTIFY_SOCKET: "/n", ...env }, pids: [7, 6] }).watchdogIntervalMs;
    assert.equal(interval({ WATCHDOG_USEC: "30000000" }), 15_000);
    assert.equal(interval({ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "7" }), 15_000);
    assert.equal(interval({ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "6" }), 15_000);
    assert.equal(interval({ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "5" }), 0);
    assert.equal(interval({ WATCHDOG_USEC: "1" }), 1);
    for (const WATCHDOG_USEC of ["0", "", "-5", "soon"]) assert.equal(interval({ WATCHDOG_USEC }), 0);
  });
});
