"""Raw Ethernet frames on one interface: hex lines on stdin are sent, received ones are printed as `seconds hex`."""

import socket
import struct
import sys
import threading
import time

ETH_P_ALL = 3
SOL_PACKET = 263
PACKET_AUXDATA = 8
PACKET_OUTGOING = 4
TP_STATUS_VLAN_VALID = 0x10
TP_STATUS_VLAN_TPID_VALID = 0x40

interface = sys.argv[1]
receiver = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
receiver.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
receiver.bind((interface, ETH_P_ALL))
sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
sender.bind((interface, 0))


def with_tag(frame, ancillary):
    """The kernel takes the outer VLAN tag out of the bytes; put it back."""
    for level, kind, data in ancillary:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH", data[:20])
            if status & TP_STATUS_VLAN_VALID:
                if not status & TP_STATUS_VLAN_TPID_VALID:
                    tpid = 0x8100
                return frame[:12] + struct.pack("!HH", tpid, tci) + frame[12:]
    return frame


def receive():
    while True:
        try:
            frame, ancillary, _, address = receiver.recvmsg(1 << 17, 256)
        except OSError:
            # The interface went away or is down.
            return
        if address[2] != PACKET_OUTGOING:
            print(f"{time.time():.6f} {with_tag(frame, ancillary).hex()}", flush=True)


print("listening", flush=True)
threading.Thread(target=receive, daemon=True).start()
for line in sys.stdin:
    try:
        sender.send(bytes.fromhex(line))
    except OSError as error:
        print(f"error {error}", flush=True)
