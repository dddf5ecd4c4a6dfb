/** What headers take of a packet, and how large packets are. DESIGN §5. Bytes. */

/** IP and UDP headers. */
export const IPV4_UDP = 28;
export const IPV6_UDP = 48;
/** A record's outer and inner header, and its tag. */
export const RECORD = 40;
/** What a relayed record has in front of it on every link but the last. */
export const TRANSIT = 40;
/** IP packets of this size pass everywhere: IPv6's least MTU. */
export const LEAST_MTU = 1280;
/** Ethernet's: no larger IP packets are made. */
export const LARGEST_MTU = 1500;
