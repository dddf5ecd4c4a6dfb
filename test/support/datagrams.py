"""Numbered UDP datagrams of several flows.

  datagrams.py send ADDRESS PORT FLOWS COUNT      COUNT datagrams a flow, sizes mixed, in bursts, one in eight bursts by UDP GSO
  datagrams.py receive ADDRESS PORT SECONDS                 prints `flow number size` in order of arrival until nothing comes for SECONDS

A datagram is flow (2) and number (4), big endian, then bytes that follow from both, so that damage shows.
"""

import random
import select
import socket
import struct
import sys
import time

SOL_UDP = 17
UDP_SEGMENT = 103
BURST = 24


def body(flow, number, size):
    seed = bytes([(flow * 31 + number * 7 + i) & 0xFF for i in range(32)])
    return struct.pack("!HI", flow, number) + (seed * (size // 32 + 1))[: size - 6]


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def send(address, port, flows, count):
    chance = random.Random(7)
    sockets = [socket.socket(family(address), socket.SOCK_DGRAM) for _ in range(flows)]
    for one in sockets:
        one.connect((address, port))
    numbers = [0] * flows
    while min(numbers) < count:
        flow = chance.choice([f for f in range(flows) if numbers[f] < count])
        burst = min(chance.randint(1, BURST), count - numbers[flow])
        if chance.randrange(8) == 0 and burst > 1:
            # Equal sizes but for the last one: one super-datagram that the kernel or the port's other side cuts.
            size = chance.randint(200, 1200)
            sizes = [size] * (burst - 1) + [chance.randint(8, size)]
            data = b"".join(body(flow, numbers[flow] + i, s) for i, s in enumerate(sizes))
            sockets[flow].setsockopt(SOL_UDP, UDP_SEGMENT, size)
            sockets[flow].send(data)
            sockets[flow].setsockopt(SOL_UDP, UDP_SEGMENT, 0)
        else:
            for i in range(burst):
                sockets[flow].send(body(flow, numbers[flow] + i, chance.randint(6, 1300)))
        numbers[flow] += burst
        # No more than a port's queue takes: what is lost there says nothing of order.
        time.sleep(0.002)
    print("sent", flush=True)


def receive(address, port, seconds):
    listener = socket.socket(family(address), socket.SOCK_DGRAM)
    listener.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
    listener.bind((address, port))
    print("listening", flush=True)
    lines = []
    patience = 30
    while select.select([listener], [], [], patience)[0]:
        patience = seconds
        data = listener.recv(65536)
        flow, number = struct.unpack("!HI", data[:6])
        sound = data == body(flow, number, len(data))
        lines.append(f"{flow} {number} {len(data) if sound else 'damaged'}")
    print("\n".join(lines), flush=True)
    print("done", flush=True)


if sys.argv[1] == "send":
    send(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
else:
    receive(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
