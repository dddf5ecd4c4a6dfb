// Etherloom on the virtual Internet: sites with addresses, keys and places for their files, and the programs on them.
// What is in the configurations is the caller's to say.
//
//   const mesh = cloudMesh({
//     edges: ["n1", "n2", "n3"], supers: ["sn"], all: { delayMs: 40 }, ways: { "n1>n3": { delayMs: 5 } },
//     configure: (site, sites) => site.mode === "super" ? { …site.common, peers: … } : { …site.common, nodeId: site.id, … },
//   });
//   await mesh.start();

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { generateKeys } from "./keys.ts";
import type { KeyPair } from "./keys.ts";
import { Lab } from "./lab.ts";
import type { LabNode } from "./lab.ts";
import { Program } from "./program.ts";
import type { ProgramConfig, StartOptions } from "./program.ts";
import { cloud, lan } from "./topology.ts";
import type { CloudSpec, NodeClock } from "./topology.ts";

export type SiteConfig = ProgramConfig & Record<string, unknown>;

/** One node before it has a configuration. */
export interface Site {
  readonly mode: "edge" | "super";
  /** of an edge, its NodeID too: edges count from 1 */
  readonly id: number;
  readonly name: string;
  readonly node: LabNode;
  readonly keys: KeyPair;
  /** UDP */
  readonly listenPort: number;
  /** where others find it: underlay address and UDP port */
  readonly endpoint: string;
  readonly endpoint6: string;
  /** a folder of its own */
  readonly folder: string;
  /** The keys that every configuration in a lab needs: name, private key, port, state directory, UAPI name, log level. */
  readonly common: SiteConfig;
}

export interface CloudMeshOptions extends Omit<CloudSpec, "members"> {
  /** names */
  edges: readonly string[];
  /** names; default none */
  supers?: readonly string[];
  clocks?: Readonly<Record<string, NodeClock>>;
  /** One shared segment in place of the cloud: as fast as the machine, without delays. */
  shared?: boolean;
  /** UDP ports, default 3001 and 3000 */
  edgePort?: number;
  superPort?: number;
  /** the configuration of a site, with all sites to choose from */
  configure: (site: Site, sites: readonly Site[]) => SiteConfig;
}

export class CloudMesh {
  readonly lab: Lab;
  readonly sites: readonly Site[];
  readonly programs: readonly Program[];

  constructor(lab: Lab, sites: readonly Site[], programs: readonly Program[]) {
    this.lab = lab;
    this.sites = sites;
    this.programs = programs;
  }

  site(name: string): Site {
    const site = this.sites.find((one) => one.name === name);
    if (!site) throw new Error(`mesh: no site '${name}'`);
    return site;
  }

  program(name: string): Program {
    const program = this.programs.find((one) => one.node.name === name);
    if (!program) throw new Error(`mesh: no program '${name}'`);
    return program;
  }

  get edges(): Program[] {
    return this.programs.filter((program) => program.mode === "edge");
  }
  get supers(): Program[] {
    return this.programs.filter((program) => program.mode === "super");
  }

  /** Starts the supernodes, then all edges at the same time. */
  async start(options: StartOptions = {}): Promise<void> {
    for (const programs of [this.supers, this.edges])
      await Promise.all(programs.map((program) => program.start(options)));
  }

  /** Ends all programs; the lab stays. */
  async stop(): Promise<void> {
    await Promise.all(this.programs.map((program) => program.stop()));
  }

  /** Ends everything. */
  async close(): Promise<void> {
    await this.lab.close();
  }

  /** The ends of all logs, for a test that failed. */
  logs(characters = 3000): string {
    const ends = this.programs.map((program) => {
      const name = program.node.name;
      try {
        return `--- ${name}\n${program.child.log.slice(-characters)}`;
      } catch {
        return `--- ${name}: not started`;
      }
    });
    return ends.join("\n");
  }
}

/** Makes the lab and writes one file per site; nothing is started. */
export function cloudMesh(options: CloudMeshOptions): CloudMesh {
  const { edges, supers = [], edgePort = 3001, superPort = 3000, shared, configure, ...underlay } = options;
  const names = [...edges, ...supers];
  const lab = Lab.create(shared === true ? lan(names) : cloud(names, underlay));
  try {
    const sites = lab.nodes.map((node): Site => {
      const mode = supers.includes(node.name) ? "super" : "edge";
      const listenPort = mode === "super" ? superPort : edgePort;
      const keys = generateKeys();
      const folder = join(lab.folder, node.name);
      mkdirSync(folder, { recursive: true });
      return {
        mode,
        id: node.id,
        name: node.name,
        node,
        keys,
        listenPort,
        endpoint: `${node.address}:${listenPort}`,
        endpoint6: `[${node.address6}]:${listenPort}`,
        folder,
        common: {
          nodeName: node.name,
          privKey: keys.privateKey,
          listenPort,
          stateDir: join(folder, "state"),
          uapiName: lab.uapiName(node.name),
          logLevel: "info",
        },
      };
    });
    const programs = sites.map((site) => {
      const file = join(site.folder, `${site.mode}.yaml`);
      const program = new Program(site.node, site.mode, configure(site, sites), file);
      program.save();
      return program;
    });
    return new CloudMesh(lab, sites, programs);
  } catch (error) {
    lab.closeNow();
    throw error;
  }
}
