import { expect, test } from "vitest";
import { createAddressGuard, parseNetwork } from "./addresses.ts";

const nobody = () => [];

test.each([
  ["0.0.0.0", "unspecified"],
  ["0.1.2.3", "unspecified"],
  ["127.0.0.1", "this machine"],
  ["127.255.255.254", "this machine"],
  ["10.0.0.5", "private"],
  ["172.16.0.1", "private"],
  ["172.31.255.255", "private"],
  ["192.168.1.1", "private"],
  ["169.254.169.254", "link-local"],
  ["100.64.0.1", "CGNAT"],
  ["100.127.255.255", "CGNAT"],
  ["168.63.129.16", "cloud"],
  ["198.18.0.1", "benchmarks"],
  ["198.19.255.255", "benchmarks"],
  ["192.0.2.1", "documentation"],
  ["198.51.100.1", "documentation"],
  ["203.0.113.1", "documentation"],
  ["192.88.99.1", "stands for an IPv4"],
  ["224.0.0.1", "multicast"],
  ["239.255.255.255", "multicast"],
  ["240.0.0.1", "reserved"],
  ["255.255.255.255", "reserved"],
  ["192.0.0.192", "reserved"],
  ["::", "unspecified"],
  ["::1", "this machine"],
  ["::ffff:127.0.0.1", "stands for an IPv4"],
  ["::ffff:7f00:1", "stands for an IPv4"],
  ["::ffff:8.8.8.8", "stands for an IPv4"],
  ["::127.0.0.1", "no public network"],
  ["64:ff9b::7f00:1", "stands for an IPv4"],
  ["64:ff9b:1::a00:1", "stands for an IPv4"],
  ["2002:7f00:1::", "stands for an IPv4"],
  ["2001:0:4136:e378::1", "stands for an IPv4"],
  ["2001:2::1", "benchmarks"],
  ["2001:10::1", "reserved"],
  ["2001:db8::1", "documentation"],
  ["3fff::1", "documentation"],
  ["fc00::1", "private"],
  ["fd00:ec2::254", "private"],
  ["fe80::1", "link-local"],
  ["fe80::1%eth0", "link-local"],
  ["fec0::1", "private"],
  ["ff02::1", "multicast"],
  ["100::1", "no public network"],
  ["4000::1", "no public network"],
])("%s is refused: %s (S28)", (address, why) => {
  const guard = createAddressGuard([], nobody);

  expect(guard(address)).toContain(why);
});

test.each([
  ...["8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1", "11.0.0.1"],
  ...["169.253.255.255", "198.17.255.255", "198.20.0.1", "223.255.255.255", "168.63.129.17"],
  ...["2a00:1450:4001::1", "2606:4700::1111", "2001:4860:4860::8888", "2001:200::1", "2003::1"],
  ...["hooks.example.com", "localhost", "", "10.0.0.256", "010.0.0.1"],
])("%j is a public address, or none at all, and left alone (S28)", (address) => {
  expect(createAddressGuard([], nobody)(address)).toBeUndefined();
});

test("an address of this machine is refused, whatever network it is in (S28)", () => {
  const own = ["8.8.4.4"];
  const guard = createAddressGuard([], () => own);

  expect(guard("8.8.4.4")).toBe("is this machine");
  own.push("2a00:1450:4001::1");
  expect(guard("2a00:1450:4001::1")).toBe("is this machine");
  expect(createAddressGuard(["8.8.4.4"], () => own)("8.8.4.4")).toBeUndefined();
});

test("what is allowed is let through, and nothing beside it (S28)", () => {
  const guard = createAddressGuard(["10.0.0.0/30", "127.0.0.1", "fd00::/64"], nobody);
  const addresses = ["10.0.0.3", "10.0.0.4", "127.0.0.1", "127.0.0.2", "fd00::9", "fd00:0:0:1::9"];

  expect(addresses.filter((address) => guard(address) === undefined)).toEqual([
    "10.0.0.3",
    "127.0.0.1",
    "fd00::9",
  ]);
});

test("a network of one family allows nothing of the other (S28)", () => {
  const everythingNew = createAddressGuard(["::/0"], nobody);
  const everythingOld = createAddressGuard(["0.0.0.0/0"], nobody);

  expect(everythingNew("::1")).toBeUndefined();
  expect(everythingNew("127.0.0.1")).toBe("is this machine");
  expect(everythingOld("127.0.0.1")).toBeUndefined();
  expect(everythingOld("::ffff:127.0.0.1")).toBe("stands for an IPv4 address");
});

test("a network is an address, or one with the length of its prefix", () => {
  expect(parseNetwork("10.0.0.0/8")).toEqual({ address: "10.0.0.0", prefix: 8, family: "ipv4" });
  expect(parseNetwork("::1")).toEqual({ address: "::1", prefix: 128, family: "ipv6" });
  const wrong = [
    "",
    "10.0.0.0/33",
    "::/129",
    "10.0.0.0/",
    "10.0.0.0/8/8",
    "10.0.0/8",
    "a.example",
    "10.0.0.0/-1",
  ];

  for (const text of [...wrong, "fe80::1%eth0/64", " 10.0.0.1", "10.0.0.0/1e1"]) {
    expect(parseNetwork(text), text).toBeUndefined();
  }
});
