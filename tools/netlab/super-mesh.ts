// A network with a supernode on the virtual Internet: `cloudMesh` with files of the plainest kind.
//
//   const mesh = superMesh({ edges: ["n1", "n2", "n3"], all: { delayMs: 40 }, ways: { "n1>n3": { delayMs: 5 } } });
//   await mesh.start();
//   mesh.address("n2");        // overlay address

import { cloudMesh } from "./cloud-mesh.ts";
import type { CloudMesh, CloudMeshOptions, Site, SiteConfig } from "./cloud-mesh.ts";

export const SUPER = "sn";
const overlayPrefix = "10.77.";
const controlPort = 3002;

export interface SuperMeshOptions extends Omit<CloudMeshOptions, "configure" | "supers"> {
  /** Edges that run but are not in the supernode's file. */
  strangers?: readonly string[];
  /** Last changes to a site's file. */
  adjust?: (config: SiteConfig, site: Site, sites: readonly Site[]) => void;
}

/** Overlay address of a site: 10.77.0.0/16 plus its NodeID. */
export const overlayAddress = (site: Site): string => `${overlayPrefix}${site.id >> 8}.${site.id & 255}`;

/** Names of nodes by NodeID, as `status` has them. */
export const idOf = (mesh: CloudMesh, name: string): number => mesh.site(name).id;

/** Makes the lab and writes one file per site; nothing is started. */
export function superMesh(options: SuperMeshOptions): CloudMesh {
  const { strangers = [], adjust, ...rest } = options;
  return cloudMesh({
    ...rest,
    supers: [SUPER],
    configure: (site, sites) => {
      const config = site.mode === "super" ? superFile(site, sites, strangers) : edgeFile(site, sites);
      adjust?.(config, site, sites);
      return config;
    },
  });
}

function superFile(site: Site, sites: readonly Site[], strangers: readonly string[]): SiteConfig {
  const members = sites.filter(({ mode, name }) => mode === "edge" && !strangers.includes(name));
  return {
    ...site.common,
    controlPort,
    peers: members.map(({ id, name, keys }) => ({ nodeId: id, name, pubKey: keys.publicKey })),
  };
}

function edgeFile(site: Site, sites: readonly Site[]): SiteConfig {
  const supers = sites
    .filter(({ mode }) => mode === "super")
    .map((sn) => ({
      endpoint: sn.endpoint,
      control: `${sn.node.address}:${controlPort}`,
      pubKey: sn.keys.publicKey,
    }));
  return {
    ...site.common,
    nodeId: site.id,
    interface: { itype: "tap", name: "ov", mtu: 1350, ipv4Cidr: `${overlayPrefix}0.0/16` },
    dynamicRoute: { superNode: { useSuperNode: true, supers } },
  };
}
