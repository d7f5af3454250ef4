//! `Fn::Cidr`: the first blocks of a size in a block of addresses.

use std::net::IpAddr;

use crate::error::{TemplateCode, Violation};

/// CloudFormation's limit for the number of blocks.
pub(super) const MOST: usize = 256;

pub(super) fn form() -> Violation {
    Violation::new(
        TemplateCode::Value,
        "Fn::Cidr takes a block, a number of blocks from 1 to 256, and the bits of each",
        "write `!Cidr [10.0.0.0/16, 4, 8]`, with a block that is large enough",
    )
}

/// The blocks of `[block, count, bits]`. Without bits they are 8 in IPv4 and 64 in IPv6, a /24 and a /64.
pub(super) fn blocks(arguments: &[String]) -> Result<Vec<String>, Violation> {
    cut(arguments).ok_or_else(form)
}

fn cut(arguments: &[String]) -> Option<Vec<String>> {
    let (address, prefix) = arguments.first()?.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let prefix: u32 = prefix.parse().ok()?;
    let count: usize = arguments.get(1)?.trim().parse().ok().filter(|count| (1..=MOST).contains(count))?;
    let (width, usual, start): (u32, u32, u128) = match address {
        IpAddr::V4(address) => (32, 8, u128::from(u32::from(address))),
        IpAddr::V6(address) => (128, 64, u128::from(address)),
    };
    let bits: u32 = match arguments.get(2) {
        Some(bits) => bits.trim().parse().ok()?,
        None => usual,
    };
    let free = width.checked_sub(prefix)?;
    // A block of no bits is one address; more bits than the block has are none.
    if bits > free || bits >= 128 {
        return None;
    }
    // 256 blocks at most, so eight bits are enough to tell how many fit.
    let fits = 1_usize << (free - bits).min(16);
    if count > fits {
        return None;
    }
    let start = if free >= 128 { 0 } else { start >> free << free };
    let block = |index: usize| {
        let address = start.checked_add((index as u128) << bits)?;
        let address = match width {
            32 => IpAddr::from(u32::try_from(address).ok()?.to_be_bytes()),
            _ => IpAddr::from(address.to_be_bytes()),
        };
        Some(format!("{address}/{}", width - bits))
    };
    (0..count).map(block).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(arguments: &[&str]) -> Option<Vec<String>> {
        cut(&arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn blocks_follow_each_other_from_the_start_of_the_network() {
        let table: [(&[&str], Option<&[&str]>); 9] = [
            (&["10.0.0.0/16", "2", "8"], Some(&["10.0.0.0/24", "10.0.1.0/24"])),
            (&["10.0.0.0/16", "2"], Some(&["10.0.0.0/24", "10.0.1.0/24"])),
            (&["10.0.7.9/16", "1", "5"], Some(&["10.0.0.0/27"])),
            (&["2001:db8::/56", "2", "64"], Some(&["2001:db8::/64", "2001:db8:0:1::/64"])),
            (&["10.0.0.0/24", "2", "8"], None),
            (&["10.0.0.0/24", "0", "4"], None),
            (&["10.0.0.0/16", "257", "4"], None),
            (&["10.0.0.0", "1", "4"], None),
            (&["10.0.0.0/33", "1", "4"], None),
        ];
        for (arguments, expected) in table {
            let expected = expected.map(|blocks| blocks.iter().map(|block| (*block).to_owned()).collect());
            assert_eq!(of(arguments), expected, "{arguments:?}");
        }
    }

    proptest! {
        #[test]
        fn no_numbers_make_it_panic(block in "[0-9a-f.:]{0,12}/[0-9]{1,3}", count in 0usize..300, bits in 0u32..200) {
            let _ = of(&[&block, &count.to_string(), &bits.to_string()]);
            let _ = of(&["::/0", &count.to_string(), &bits.to_string()]);
            let _ = of(&["255.255.255.255/0", &count.to_string(), &bits.to_string()]);
        }
    }
}
