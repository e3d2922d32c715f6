"""SM2 signatures with SM3, checked in plain Python: the standard library and nothing else. For one look at a time, not for speed.

The signer's identity is the default of GB/T 35276, 1234567812345678. Source: GB/T 32918.1, .2 and .5; GB/T 32905 (SM3).
"""

P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = P - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
G = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)
IDENTITY = b"1234567812345678"
START = (0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600, 0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E)


def rotated(word, by):
    by %= 32
    return (word << by | word >> 32 - by) & 0xFFFFFFFF


def sm3(data):
    """GB/T 32905."""
    data += b"\x80" + bytes(-(len(data) + 9) % 64) + (8 * len(data)).to_bytes(8, "big")
    state = START
    for at in range(0, len(data), 64):
        w = [int.from_bytes(data[at + 4 * j : at + 4 * j + 4], "big") for j in range(16)]
        for j in range(16, 68):
            x = w[j - 16] ^ w[j - 9] ^ rotated(w[j - 3], 15)
            w.append(x ^ rotated(x, 15) ^ rotated(x, 23) ^ rotated(w[j - 13], 7) ^ w[j - 6])
        a, b, c, d, e, f, g, h = state
        for j in range(64):
            t = 0x79CC4519 if j < 16 else 0x7A879D8A
            s1 = rotated(rotated(a, 12) + e + rotated(t, j) & 0xFFFFFFFF, 7)
            ff, gg = (a ^ b ^ c, e ^ f ^ g) if j < 16 else (a & b | a & c | b & c, e & f | ~e & g)
            one = ff + d + (s1 ^ rotated(a, 12)) + (w[j] ^ w[j + 4]) & 0xFFFFFFFF
            two = gg + h + s1 + w[j] & 0xFFFFFFFF
            a, b, c, d, e, f, g, h = one, a, rotated(b, 9), c, two ^ rotated(two, 9) ^ rotated(two, 17), e, rotated(f, 19), g
        state = [old ^ new for old, new in zip(state, (a, b, c, d, e, f, g, h), strict=True)]
    return b"".join(word.to_bytes(4, "big") for word in state)


def added(one, other):
    """The sum of two points of the curve; None is the point at infinity."""
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 == x2 and (y1 + y2) % P == 0:
        return None
    slope = (3 * x1 * x1 + A) * pow(2 * y1, -1, P) if one == other else (y2 - y1) * pow(x2 - x1, -1, P)
    x = (slope * slope - x1 - x2) % P
    return x, (slope * (x1 - x) - y1) % P


def times(count, point):
    total = None
    for bit in f"{count:b}":
        total = added(total, total)
        total = added(total, point) if bit == "1" else total
    return total


def verifies(public, message, signature):
    """Whether r ‖ s (64 bytes) is the signature of the key 04 ‖ x ‖ y over the message. Source: GB/T 32918.2 §7.1."""
    if len(public) != 65 or public[0] != 4 or len(signature) != 64:
        return False
    x, y, r, s = (int.from_bytes(half, "big") for half in (public[1:33], public[33:], signature[:32], signature[32:]))
    if not (x < P and y < P and (y * y - x * x * x - A * x - B) % P == 0 and 0 < r < N and 0 < s < N and (r + s) % N):
        return False
    numbers = b"".join(one.to_bytes(32, "big") for one in (A, B, *G))
    z = sm3((8 * len(IDENTITY)).to_bytes(2, "big") + IDENTITY + numbers + public[1:])
    point = added(times(s, G), times((r + s) % N, (x, y)))
    return point is not None and (int.from_bytes(sm3(z + message), "big") + point[0]) % N == r
