//! Address classes: which addresses a grant covers.
//!
//! Must not know: names, patterns, how an address was found.
//!
//! Keeps: an address counts as public only if every IPv4 address hidden inside it is public as well.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which addresses a host that may be reached is allowed to resolve to.
///
/// ```
/// use extism_policy::{Grant, address_allowed};
///
/// let router = "192.168.1.1".parse().unwrap();
/// assert!(address_allowed(router, Grant::AnyAddress));
/// assert!(!address_allowed(router, Grant::PublicOnly));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Grant {
    /// A pattern names the host exactly: whatever the name resolves to.
    AnyAddress,
    /// Only a pattern with a wildcard covers the host: addresses of the public Internet and no others.
    PublicOnly,
}

/// Whether a connection to `address` may be opened under `grant`.
pub fn address_allowed(address: IpAddr, grant: Grant) -> bool {
    match grant {
        Grant::AnyAddress => true,
        Grant::PublicOnly => is_public(address),
    }
}

/// Whether an address belongs to the public Internet: not private, loopback, link-local, shared,
/// multicast, reserved or for documentation, nor an IPv6 form of such an IPv4 address.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// IPv4 blocks outside the public Internet: network and prefix length in bits.
const NOT_PUBLIC_V4: [(Ipv4Addr, u32); 16] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),       // this network
    (Ipv4Addr::new(10, 0, 0, 0), 8),      // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),   // shared by carriers
    (Ipv4Addr::new(127, 0, 0, 0), 8),     // loopback
    (Ipv4Addr::new(169, 254, 0, 0), 16),  // link-local, cloud metadata
    (Ipv4Addr::new(172, 16, 0, 0), 12),   // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),    // protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation
    (Ipv4Addr::new(192, 31, 196, 0), 24), // name service sinks
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // retired 6to4 relays
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4),     // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4),     // reserved, broadcast
];

/// IPv6 blocks inside the global unicast range that are not public all the same.
const NOT_PUBLIC_V6: [(Ipv6Addr, u32); 3] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

const GLOBAL_UNICAST: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

fn is_public_v4(address: Ipv4Addr) -> bool {
    !NOT_PUBLIC_V4.iter().any(|(network, prefix_bits)| {
        let unused_bits = 32_u32.saturating_sub(*prefix_bits);
        address.to_bits() >> unused_bits == network.to_bits() >> unused_bits
    })
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let inside = |(network, prefix_bits): &(Ipv6Addr, u32)| {
        let unused_bits = 128_u32.saturating_sub(*prefix_bits);
        address.to_bits() >> unused_bits == network.to_bits() >> unused_bits
    };
    match embedded_v4(address) {
        [None, None] => inside(&GLOBAL_UNICAST) && !NOT_PUBLIC_V6.iter().any(inside),
        embedded => embedded.into_iter().flatten().all(is_public_v4),
    }
}

/// The IPv4 addresses that packets to this IPv6 address end up at, if it is a form that carries any.
fn embedded_v4(address: Ipv6Addr) -> [Option<Ipv4Addr>; 2] {
    let join = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        // IPv4-mapped, ::ffff:a.b.c.d
        [0, 0, 0, 0, 0, 0xffff, high, low] => [Some(join(high, low)), None],
        // NAT64, 64:ff9b::a.b.c.d
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => [Some(join(high, low)), None],
        // 6to4, 2002:a.b.c.d::
        [0x2002, high, low, ..] => [Some(join(high, low)), None],
        // Teredo: the server in clear, the client with all bits turned over.
        [0x2001, 0, server_high, server_low, _, _, high, low] => {
            [Some(join(server_high, server_low)), Some(join(!high, !low))]
        }
        _ => [None, None],
    }
}
