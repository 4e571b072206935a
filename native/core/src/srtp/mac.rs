//! HMAC-SHA1 (RFC 2104) whose two key blocks are hashed once for each key.

use sha1::block_api::compress;
use zeroize::Zeroizing;

const BLOCK: usize = 64;
const DIGEST: usize = 20;
/// Initial state of SHA-1 (FIPS 180-4 5.3.1).
const INITIAL: [u32; 5] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0];

/// States of SHA-1 behind the inner and the outer key block.
pub(super) struct Mac {
    inner: Zeroizing<[u32; 5]>,
    outer: Zeroizing<[u32; 5]>,
}

impl Mac {
    pub(super) fn new(key: &[u8; 20]) -> Mac {
        Mac { inner: keyed(key, 0x36), outer: keyed(key, 0x5C) }
    }

    /// Over `data` || `suffix`, of which `suffix` has at most four octets.
    #[inline]
    pub(super) fn sign(&self, data: &[u8], suffix: &[u8]) -> [u8; DIGEST] {
        let mut state = *self.inner;
        let (blocks, rest) = data.as_chunks::<BLOCK>();
        compress(&mut state, blocks);
        let mut last = [[0; BLOCK]; 2];
        let tail = last.as_flattened_mut();
        let end = rest.len() + suffix.len();
        tail[..rest.len()].copy_from_slice(rest);
        tail[rest.len()..end].copy_from_slice(suffix);
        let used = pad(&mut last, end, data.len() + suffix.len());
        compress(&mut state, &last[..used]);

        let mut last = [[0; BLOCK]; 2];
        last[0][..DIGEST].copy_from_slice(&octets(state));
        let used = pad(&mut last, DIGEST, DIGEST);
        state = *self.outer;
        compress(&mut state, &last[..used]);
        octets(state)
    }
}

/// End a message of which `end` octets are in `last`, `length` behind the key block. Blocks used.
fn pad(last: &mut [[u8; BLOCK]; 2], end: usize, length: usize) -> usize {
    let used = if end + 9 > BLOCK { 2 } else { 1 };
    let tail = &mut last.as_flattened_mut()[..used * BLOCK];
    tail[end] = 0x80;
    let bits = (BLOCK + length) as u64 * 8;
    tail[used * BLOCK - 8..].copy_from_slice(&bits.to_be_bytes());
    used
}

fn keyed(key: &[u8; 20], pad: u8) -> Zeroizing<[u32; 5]> {
    let mut block = Zeroizing::new([pad; BLOCK]);
    block.iter_mut().zip(key).for_each(|(octet, key)| *octet ^= key);
    let mut state = Zeroizing::new(INITIAL);
    compress(&mut state, std::slice::from_ref(&*block));
    state
}

#[inline]
fn octets(state: [u32; 5]) -> [u8; DIGEST] {
    let mut out = [0; DIGEST];
    out.as_chunks_mut::<4>().0.iter_mut().zip(state).for_each(|(out, word)| *out = word.to_be_bytes());
    out
}

#[cfg(test)]
mod tests {
    use sha1::{Digest, Sha1};

    use super::super::vectors::hex;
    use super::*;

    #[test]
    fn rfc2202_3_case_1() {
        let expected = hex("B617318655057264E28BC0B6FB378C8EF146BE00");
        assert_eq!(Mac::new(&[0x0B; 20]).sign(b"Hi There", b"").to_vec(), expected);
    }

    #[test]
    fn every_length_is_padded_as_sha1_pads_it() {
        let key = [0xA5; 20];
        let block = |pad: u8| [[0xA5 ^ pad; 20].as_slice(), &[pad; 44]].concat();
        let data: Vec<u8> = (0..=255).collect();
        for octets in 0..data.len() {
            for suffix in [&[][..], &[1, 2, 3, 4]] {
                let inner = Sha1::new().chain_update(block(0x36)).chain_update(&data[..octets]);
                let inner = inner.chain_update(suffix).finalize();
                let outer = Sha1::new().chain_update(block(0x5C)).chain_update(inner).finalize();
                assert_eq!(Mac::new(&key).sign(&data[..octets], suffix)[..], outer[..], "{octets}");
            }
        }
    }
}
