// A box between two hosts that passes their UDP datagrams on and, when told to, changes one byte of each transit record.
//
//   node middlebox.ts LEFT_PORT RIGHT_ADDRESS RIGHT_PORT
//
// Who sends to LEFT_PORT is the left host. `flip N` on stdin: from now on byte 0 of the first transit record of N bytes
// from the left is changed, byte 1 of the second, and so on until every byte had its turn; then it says `done N`.

import { createSocket, type RemoteInfo } from "node:dgram";
import { createInterface } from "node:readline";

const [leftPort = "", rightAddress = "", rightPort = ""] = process.argv.slice(2);
const transit = 5;
const record = 4;
const transitHeader = 40;

let left: RemoteInfo | undefined;
let flips: number | undefined;
/** Only datagrams of this size are changed: others (neighbour discovery) come between. */
let size = 0;

const towardsLeft = createSocket("udp4");
const towardsRight = createSocket("udp4");

towardsLeft.on("message", (datagram, from) => {
  left = from;
  const chosen = datagram[0] === transit && datagram[transitHeader] === record && datagram.length === size;
  if (chosen && flips !== undefined && flips < size) {
    datagram[flips] = (datagram[flips] ?? 0) ^ (1 << (flips % 8));
    flips++;
    if (flips === size) process.stdout.write(`done ${flips}\n`);
  }
  towardsRight.send(datagram, Number(rightPort), rightAddress);
});
towardsRight.on("message", (datagram) => {
  if (left) towardsLeft.send(datagram, left.port, left.address);
});
towardsLeft.bind(Number(leftPort), () => process.stdout.write("ready\n"));
createInterface(process.stdin).on("line", (line) => {
  const [command, bytes] = line.split(" ");
  if (command === "flip") [flips, size] = [0, Number(bytes)];
});
