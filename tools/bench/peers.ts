// The peers: other VPN programs of the distribution, configured as their manuals suggest.

import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { Child } from "../netlab/child.ts";
import type { Lab, LabNode } from "../netlab/lab.ts";
import { generateKeys } from "../netlab/mesh.ts";
import { lastNode } from "./candidate.ts";
import type { Candidate, Running } from "./candidate.ts";

const overlay = (node: LabNode): string => `10.66.0.${node.id}`;
/** Inner MTU of the layer-2 peers, so that no outer fragments arise with any of them. */
const tapMtu = 1400;

const neighbours = (lab: Lab, node: LabNode): LabNode[] =>
  lab.nodes.filter((other) => other !== node && lab.hasLink(node.name, other.name));

function folderOf(lab: Lab, node: LabNode): string {
  const folder = join(lab.folder, node.name);
  mkdirSync(folder, { recursive: true });
  return folder;
}

async function until(what: string, condition: () => boolean, timeout = 10_000): Promise<void> {
  const end = performance.now() + timeout;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`${what}: not within ${timeout} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function hasInterface(node: LabNode, name: string, daemon: Child): Promise<void> {
  await until(`${node.name}: interface ${name}`, () => {
    if (!daemon.alive) throw new Error(`${node.name}: daemon ended:\n${daemon.log.slice(-2000)}`);
    return node.exec(["ip", "link", "show", name], { check: false }).status === 0;
  });
}

function address(node: LabNode, name: string, mtu: number): void {
  node.exec(["ip", "addr", "add", `${overlay(node)}/24`, "dev", name]);
  node.exec(["ip", "link", "set", name, "mtu", `${mtu}`, "up"]);
}

/** Starts one daemon per node, each with an interface that we then give its address. */
async function startAll(
  lab: Lab,
  interfaceOf: (node: LabNode) => string,
  mtu: number,
  launch: (node: LabNode) => Child,
): Promise<Running> {
  const daemons = new Map<string, Child[]>();
  for (const node of lab.nodes) {
    const child = launch(node);
    daemons.set(node.name, [child]);
    await hasInterface(node, interfaceOf(node), child);
    address(node, interfaceOf(node), mtu);
  }
  return { daemons, target: overlay(lastNode(lab)) };
}

const wireguardGo: Candidate = {
  name: "wireguard-go",
  programs: ["wireguard-go", "wg"],
  relays: true,
  async start(lab) {
    const keys = new Map(lab.nodes.map((node) => [node, generateKeys()]));
    // Its control sockets share one folder on the whole machine: names must be unique there.
    const interfaceOf = (node: LabNode): string => `wg${process.pid}${node.name}`;
    const running = await startAll(lab, interfaceOf, 1420, (node) =>
      node.spawn(["wireguard-go", "-f", interfaceOf(node)], { env: { LOG_LEVEL: "error" } }),
    );
    for (const node of lab.nodes) {
      const name = interfaceOf(node);
      await until("wireguard-go's socket", () => existsSync(`/var/run/wireguard/${name}.sock`));
      const keyFile = join(folderOf(lab, node), "key");
      writeFileSync(keyFile, keys.get(node)?.privateKey ?? "", { mode: 0o600 });
      const command = ["wg", "set", name, "listen-port", "51820", "private-key", keyFile];
      for (const peer of neighbours(lab, node)) {
        // An end sends everything to its only neighbour; the middle knows who is where.
        const allowed = neighbours(lab, node).length === 1 ? "10.66.0.0/24" : `${overlay(peer)}/32`;
        command.push("peer", keys.get(peer)?.publicKey ?? "", "allowed-ips", allowed);
        command.push("endpoint", `${peer.address}:51820`);
      }
      node.exec(command);
      if (neighbours(lab, node).length > 1) node.exec(["sysctl", "-qw", "net.ipv4.ip_forward=1"]);
    }
    return running;
  },
};

const tinc: Candidate = {
  name: "tinc",
  programs: ["tincd"],
  relays: true,
  async start(lab) {
    const pem = { format: "pem", type: "pkcs1" } as const;
    const keys = lab.nodes.map(() => generateKeyPairSync("rsa", { modulusLength: 2048 }));
    const hosts = lab.nodes.map(
      (node, i) =>
        `Address = ${node.address}\nPort = 655\n${keys[i]?.publicKey.export(pem).toString() ?? ""}`,
    );
    return startAll(
      lab,
      () => "tinc0",
      tapMtu,
      (node) => {
        const folder = folderOf(lab, node);
        mkdirSync(join(folder, "hosts"), { recursive: true });
        lab.nodes.forEach((other, i) => {
          writeFileSync(join(folder, "hosts", other.name), hosts[i] ?? "");
        });
        const connect = neighbours(lab, node).map((other) => `ConnectTo = ${other.name}\n`);
        writeFileSync(
          join(folder, "tinc.conf"),
          `Name = ${node.name}\nMode = switch\nDeviceType = tap\nInterface = tinc0\nAddressFamily = ipv4\n${connect.join("")}`,
        );
        const key = keys[lab.nodes.indexOf(node)]?.privateKey.export(pem) ?? "";
        writeFileSync(join(folder, "rsa_key.priv"), key, { mode: 0o600 });
        return node.spawn(["tincd", "-D", "-c", folder, `--pidfile=${join(folder, "pid")}`]);
      },
    );
  },
};

const fastd: Candidate = {
  name: "fastd",
  programs: ["fastd"],
  relays: true,
  async start(lab) {
    const keys = lab.nodes.map(() => {
      const text = execFileSync("fastd", ["--generate-key"], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      });
      return { secret: /Secret: (\w+)/.exec(text)?.[1] ?? "", public: /Public: (\w+)/.exec(text)?.[1] ?? "" };
    });
    const keyOf = (node: LabNode): { secret: string; public: string } =>
      keys[lab.nodes.indexOf(node)] ?? { secret: "", public: "" };
    return startAll(
      lab,
      () => "fastd0",
      tapMtu,
      (node) => {
        const peers = neighbours(lab, node).map(
          (other) =>
            `peer "${other.name}" { key "${keyOf(other).public}"; remote ipv4 "${other.address}" port 10000; }\n`,
        );
        const file = join(folderOf(lab, node), "fastd.conf");
        writeFileSync(
          file,
          `mode tap;\ninterface "fastd0";\nmethod "salsa2012+umac";\nmtu ${tapMtu};\nbind any:10000;\nforward yes;\n` +
            `log level warn;\nsecret "${keyOf(node).secret}";\n${peers.join("")}`,
          { mode: 0o600 },
        );
        return node.spawn(["fastd", "--config", file]);
      },
    );
  },
};

const n2n: Candidate = {
  name: "n2n",
  programs: ["edge", "supernode"],
  relays: true,
  async start(lab) {
    // The supernode introduces the edges to each other; where they have no direct way, it relays.
    const middle = lab.nodes.length > 2 ? lab.nodes[1] : lab.nodes[0];
    if (!middle) throw new Error("n2n: no node for the supernode");
    const supernode = middle.spawn(["supernode", "-l", "7654"]);
    const ends = lab.nodes.filter((node) => lab.nodes.length === 2 || node !== middle);
    const daemons = new Map([[middle.name, [supernode]]]);
    for (const node of ends) {
      const at = node === middle ? "127.0.0.1" : middle.address;
      const command = [
        "edge",
        "-d",
        "n2n0",
        "-a",
        overlay(node),
        "-c",
        "bench",
        "-M",
        `${tapMtu}`,
        "-l",
        `${at}:7654`,
      ];
      const child = node.spawn(command, { env: { N2N_KEY: "benchmark" } });
      daemons.set(node.name, [...(daemons.get(node.name) ?? []), child]);
      await hasInterface(node, "n2n0", child);
    }
    return { daemons, target: overlay(lastNode(lab)) };
  },
};

const nebula: Candidate = {
  name: "nebula",
  programs: ["nebula", "nebula-cert"],
  relays: false,
  async start(lab) {
    const [lighthouse] = lab.nodes;
    if (!lighthouse) throw new Error("nebula: no node for the lighthouse");
    const ca = join(lab.folder, "ca");
    const sign = (...args: string[]): void => {
      execFileSync("nebula-cert", args, { stdio: "ignore" });
    };
    sign("ca", "-name", "bench", "-out-crt", `${ca}.crt`, "-out-key", `${ca}.key`);
    const daemons = new Map<string, Child[]>();
    for (const node of lab.nodes) {
      const base = join(folderOf(lab, node), "host");
      sign("sign", "-ca-crt", `${ca}.crt`, "-ca-key", `${ca}.key`, "-name", node.name, "-ip", `${overlay(node)}/24`,
        "-out-crt", `${base}.crt`, "-out-key", `${base}.key`); // prettier-ignore
      const anything = [{ port: "any", proto: "any", host: "any" }];
      const config = {
        pki: { ca: `${ca}.crt`, cert: `${base}.crt`, key: `${base}.key` },
        static_host_map: { [overlay(lighthouse)]: [`${lighthouse.address}:4242`] },
        lighthouse: {
          am_lighthouse: node === lighthouse,
          hosts: node === lighthouse ? [] : [overlay(lighthouse)],
        },
        listen: { host: "0.0.0.0", port: 4242 },
        tun: { dev: "nebula0", mtu: 1420 },
        cipher: "aes",
        logging: { level: "error" },
        firewall: { outbound: anything, inbound: anything },
      };
      writeFileSync(`${base}.yaml`, stringify(config));
      const child = node.spawn(["nebula", "-config", `${base}.yaml`]);
      daemons.set(node.name, [child]);
      await hasInterface(node, "nebula0", child);
    }
    return { daemons, target: overlay(lastNode(lab)) };
  },
};

export const peers: readonly Candidate[] = [wireguardGo, tinc, fastd, n2n, nebula];
