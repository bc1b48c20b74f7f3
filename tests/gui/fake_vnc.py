# SPDX-License-Identifier: GPL-2.0-or-later
"""TEST CODE. A VNC server (RFB 3.8) with a picture of one colour, which becomes white when
a key is pressed. It takes anybody, or asks for a password and takes any answer."""
import socket
import struct
import threading

WIDTH, HEIGHT = 320, 200


class FakeVnc:
    def __init__(self, asks=False):
        self.asks, self.answers = asks, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.keys, self.clients = [], []
        self.color = b"\x60\x40\xc0\x00"  # blue, green, red, nothing
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.clients.append(client)
            threading.Thread(target=self.talk, args=(client,), daemon=True).start()

    def talk(self, client):
        try:
            stream = client.makefile("rb")
            client.sendall(b"RFB 003.008\n")
            stream.read(12)
            client.sendall(b"\x01\x02" if self.asks else b"\x01\x01")
            stream.read(1)
            if self.asks:
                client.sendall(bytes(range(16)))
                self.answers.append(stream.read(16))
            client.sendall(struct.pack(">I", 0))
            stream.read(1)
            client.sendall(struct.pack(">HH", WIDTH, HEIGHT) +
                           struct.pack(">BBBBHHHBBBxxx", 32, 24, 0, 1, 255, 255, 255, 16, 8, 0) +
                           struct.pack(">I", 4) + b"fake")
            self.messages(client, stream)
        except (OSError, struct.error):
            pass
        client.close()

    def messages(self, client, stream):
        shown = None
        while True:
            kind = stream.read(1)
            if kind == b"\x00":
                stream.read(19)
            elif kind == b"\x02":
                stream.read(4 * struct.unpack(">xH", stream.read(3))[0])
            elif kind == b"\x03":
                incremental = stream.read(9)[0]
                # A request for what has changed waits until something has.
                if not incremental or shown != self.color:
                    shown = self.color
                    self.send(client)
            elif kind == b"\x04":
                down, symbol = struct.unpack(">BxxI", stream.read(7))
                if down:
                    self.keys.append(symbol)
                    self.color = b"\xff\xff\xff\x00"
                    shown = self.color
                    self.send(client)
            elif kind == b"\x05":
                stream.read(5)
            elif kind == b"\x06":
                stream.read(struct.unpack(">xxxI", stream.read(7))[0])
            else:
                return

    def send(self, client):
        client.sendall(struct.pack(">BxH", 0, 1) +
                       struct.pack(">HHHHi", 0, 0, WIDTH, HEIGHT, 0) +
                       self.color * (WIDTH * HEIGHT))

    def close(self):
        self.listener.close()
        for client in self.clients:
            client.shutdown(socket.SHUT_RDWR)
