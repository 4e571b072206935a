//! AES-CM (RFC 3711 4.1.1; RFC 6188): what encrypts packets and what session keys are made of.

use aes::cipher::consts::U16;
use aes::cipher::{BlockCipherEncrypt, BlockSizeUser, InnerIvInit, KeyInit, StreamCipherCore};
use ctr::{CtrCore, flavors::Ctr32BE};
use zeroize::Zeroizing;

/// AES with a key of either length. It only ever encrypts: half the key schedule is enough.
pub(super) trait Aes:
    BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + KeyInit + Send + Sync + 'static
{
}

impl Aes for aes::Aes128Enc {}
impl Aes for aes::Aes256Enc {}

/// `data` exclusive-or the key stream that begins at the counter block `iv`. The last 16 bits of `iv` are
/// zero and a packet has fewer than 2^16 blocks: no other bit is ever counted.
#[inline]
pub(super) fn apply_keystream<A: Aes>(cipher: &A, iv: u128, data: &mut [u8]) {
    CtrCore::<&A, Ctr32BE>::inner_iv_init(cipher, &iv.to_be_bytes().into())
        .apply_keystream_partial(data.into());
}

/// A salt as it begins a counter block: followed by zeros, whatever its length.
pub(super) fn salt_block(salt: &[u8]) -> Zeroizing<u128> {
    let mut block = Zeroizing::new([0; 16]);
    block[..salt.len()].copy_from_slice(salt);
    Zeroizing::new(u128::from_be_bytes(*block))
}
