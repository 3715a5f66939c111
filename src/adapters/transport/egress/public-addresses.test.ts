import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { blockListOf, isPublic } from "./public-addresses.ts";

describe("public addresses", () => {
  const inside: readonly string[] = [
    ...["0.0.0.0", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "169.254.169.254"],
    ...["172.16.0.1", "172.31.255.255", "192.0.0.192", "192.168.1.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "168.63.129.16"],
    ...["::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:a9fe:a9fe", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1"],
    ...["64:ff9b::169.254.169.254", "64:ff9b:1::1", "2001::1", "2001:0:4136:e378::1", "2002:7f00:1::", "2002:a9fe:a9fe::1"],
    ...["fd00:ec2::254", "fc00::1", "fe80::1", "febf::1", "fec0::1", "ff02::1", "2001:db8::1", "3fff::1", "100::1"],
  ];
  it.each(inside)("%s is none", (address) => {
    expect(isPublic(address)).toBe(false);
  });

  const outside: readonly string[] = [
    ...["1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.1"],
    ...["172.15.255.255", "172.32.0.0", "192.167.255.255", "198.17.255.255", "198.20.0.0", "223.255.255.255", "::ffff:8.8.8.8"],
    ...["2606:4700:4700::1111", "2a00:1450:4001::1", "2001:4860:4860::8888", "2003::1", "fbff::1", "fe7f::1"],
  ];
  it.each(outside)("%s is one", (address) => {
    expect(isPublic(address)).toBe(true);
  });

  it("what is no address is none", () => {
    for (const text of ["", "localhost", "127.1", "0x7f.0.0.1", "1.2.3.4.5", "fe80::1%eth0%"]) expect(isPublic(text)).toBe(false);
  });

  it("a mapped address is what the address in it is", () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(isPublic(`::ffff:${address}`)).toBe(isPublic(address));
      }),
    );
  });

  it("a range that is allowed is let through, and nothing beside it", () => {
    const allowed = blockListOf(["10.1.0.0/16", "fd00::5"], "egress.allow");
    expect(["10.1.2.3", "10.2.0.1", "fd00::5", "fd00::6"].map((address) => isPublic(address, allowed))).toEqual([true, false, true, false]);
  });

  it("a wrong range is told by its path", () => {
    for (const range of ["10.0.0.0/33", "10.0.0.0/x", "example.com", "10.0.0.0/8/8", "::/129", "10.0.0.0/"]) {
      expect(() => blockListOf(["10.0.0.1", range], "egress.allow")).toThrow(/^egress\.allow\[1\] is /);
    }
  });
});
