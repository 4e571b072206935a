//! The numbers of RFC 3711 appendix B, RFC 6188 and RFC 7714, and whole packets.

use aes::{Aes128Enc, Aes256Enc};

use super::kdf::{Derivation, Labels};
use super::keystream::{Aes, apply_keystream, salt_block};
use super::{Crypto, MAX_TRAILER, Receiver, Sender, Suite};

/// Octets of hexadecimal text, whose blanks are ignored.
pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|octet| !octet.is_ascii_whitespace()).collect();
    let digit = |octet: u8| char::from(octet).to_digit(16).expect("hexadecimal") as u8;
    digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn cipher<A: Aes>(key: &str) -> A {
    A::new(hex(key).as_slice().try_into().unwrap())
}

/// Block `counter` of the key stream.
fn block<A: Aes>(key: &str, counter: u16) -> Vec<u8> {
    let iv = *salt_block(&hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD")) | u128::from(counter);
    let mut block = [0; 16];
    apply_keystream(&cipher::<A>(key), iv, &mut block);
    block.to_vec()
}

#[test]
fn rfc3711_b2_aes_cm() {
    for (counter, expected) in [
        (0x0000, "E03EAD0935C95E80E166B16DD92B4EB4"),
        (0x0001, "D23513162B02D0F72A43A2FE4A5F97AB"),
        (0x0002, "41E95B3BB0A2E8DD477901E4FCA894C0"),
        (0xFEFF, "EC8CDF7398607CB0F2D21675EA9EA1E4"),
        (0xFF00, "362B7C3C6773516318A077D7FC5073AE"),
        (0xFF01, "6A2CC3787889374FBEB4C81B17BA6C44"),
    ] {
        assert_eq!(block::<Aes128Enc>("2B7E151628AED2A6ABF7158809CF4F3C", counter), hex(expected));
    }
}

#[test]
fn rfc6188_7_2_aes_256_cm() {
    let key = "57F82FE3613FD170A85EC93C40B1F0922EC4CB0DC025B58272147CC438944A98";
    for (counter, expected) in [
        (0x0000, "92BDD28A93C3F52511C677D08B5515A4"),
        (0x0001, "9DA71B2378A854F67050756DED165BAC"),
        (0x0002, "63C4868B7096D88421B563B8C94C9A31"),
        (0xFEFF, "CEA518C90FD91CED9CBB18C078A54711"),
        (0xFF00, "3DBC4814F4DA5F00A08772B63C6A046D"),
        (0xFF01, "6EB246913062A16891433E97DD01A57F"),
    ] {
        assert_eq!(block::<Aes256Enc>(key, counter), hex(expected));
    }
}

const B3_KEY: &str = "E1F97A0D3E018BE0D64FA32C06DE4139";
const B3_SALT: &str = "0EC675AD498AFEEBB6960B3AABE6";

fn derivation<A: Aes>(suite: Suite, key: &str, salt: &str) -> Derivation<A> {
    Derivation::new(&Crypto::new(suite, &hex(&[key, salt].concat()), 0).unwrap())
}

/// First key stream block of a derived key, which tells that it is the right one.
fn fingerprint<A: Aes>(cipher: &A) -> [u8; 16] {
    let mut block = [0; 16];
    apply_keystream(cipher, 0, &mut block);
    block
}

#[test]
fn rfc3711_b3_key_derivation() {
    let keys = derivation::<Aes128Enc>(Suite::AesCm128Sha1_80, B3_KEY, B3_SALT);
    for (labels, key, auth, salt) in [
        (
            Labels::Rtp,
            "C61E7A93744F39EE10734AFE3FF7A087",
            "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4",
            "30CBBC08863D8C85D49DB34A9AE1",
        ),
        (
            Labels::Rtcp,
            "4C1AA45A81F73D61C800BBB00FBB1EAA",
            "8D54534FEB49AE8E7993A6BD0B844FC323A93DFD",
            "9581C7AD87B3E530BF3E4454A8B3",
        ),
    ] {
        assert_eq!(fingerprint(&keys.cipher(labels)), fingerprint(&cipher::<Aes128Enc>(key)));
        assert_eq!(keys.auth(labels).to_vec(), hex(auth));
        assert_eq!(keys.salt(labels), salt_block(&hex(salt)));
    }
}

#[test]
fn rfc6188_7_4_key_derivation() {
    let master = "F0F04914B513F2763A1B1FA130F10E2998F6F6E43E4309D1E622A0E332B9F1B6";
    let keys = derivation::<Aes256Enc>(Suite::AesCm256Sha1_80, master, "3B04803DE51EE7C96423AB5B78D2");
    let key = "5BA1064E30EC51613CAD926C5A28EF731EC7FB397F70A960653CAF06554CD8C4";
    assert_eq!(fingerprint(&keys.cipher(Labels::Rtp)), fingerprint(&cipher::<Aes256Enc>(key)));
    assert_eq!(keys.auth(Labels::Rtp).to_vec(), hex("FD9C32D39ED5FBB5A9DC96B30818454D1313DC05"));
    assert_eq!(keys.salt(Labels::Rtp), salt_block(&hex("FA31791685CA444A9E07C6C64E93")));
}

#[test]
fn rfc7714_salt_is_padded_on_the_right() {
    let (key, salt) = ("000102030405060708090A0B0C0D0E0F", "A0A1A2A3A4A5A6A7A8A9AAAB");
    let keys = derivation::<Aes128Enc>(Suite::Gcm128, key, salt);
    let session = cipher::<Aes128Enc>("077C6143CB221BC355FF23D5F984A16E");
    assert_eq!(fingerprint(&keys.cipher(Labels::Rtp)), fingerprint(&session));
    assert_eq!(keys.salt(Labels::Rtp), salt_block(&hex("9AF3E95364EBAC9C99C5A7C4")));
}

/// `protect` makes `cipher_text` of `plain` with the next index, `unprotect` the reverse.
fn goes_both_ways(suite: Suite, key: &str, rtcp: bool, plain: &str, cipher_text: &str) {
    let (plain, cipher_text) = (hex(plain), hex(cipher_text));
    let crypto = Crypto::new(suite, &hex(key), 0).unwrap();
    let mut packet = plain.clone();
    packet.resize(plain.len() + MAX_TRAILER, 0);
    let octets = Sender::new(&crypto, 128, 1).protect(&mut packet, plain.len(), rtcp).unwrap();
    assert_eq!(packet[..octets], cipher_text);
    let octets = Receiver::new(&crypto, 128, 1).unprotect(&mut packet[..octets], rtcp, 0.0).unwrap();
    assert_eq!(packet[..octets], plain);
}

const RTP: &str = "800F1234DECAFBADCAFEBABE ABABABABABABABABABABABABABABABAB";
const RTCP: &str = "81C8000BCAFEBABE ABABABABABABABABABABABABABABABAB";

#[test]
fn whole_packets_of_aes_cm_128() {
    let key = [B3_KEY, B3_SALT].concat();
    let tagged = "800F1234DECAFBADCAFEBABE 4E55DC4CE79978D88CA4D215949D2402 B78D6ACC99EA179B8DBB";
    goes_both_ways(Suite::AesCm128Sha1_80, &key, false, RTP, tagged);
    let tagged = "800F1234DECAFBADCAFEBABE 4E55DC4CE79978D88CA4D215949D2402 B78D6ACC";
    goes_both_ways(Suite::AesCm128Sha1_32, &key, false, RTP, tagged);
    let tagged = "81C8000BCAFEBABE 7128035BE487B9BDBEF89041F977A5A8 80000001 993E08CD54D6C1230798";
    goes_both_ways(Suite::AesCm128Sha1_80, &key, true, RTCP, tagged);
    goes_both_ways(Suite::AesCm128Sha1_32, &key, true, RTCP, tagged);
}

#[test]
fn whole_packets_of_aes_cm_256() {
    let key = "F0F04914B513F2763A1B1FA130F10E2998F6F6E43E4309D1E622A0E332B9F1B6 3B04803DE51EE7C96423AB5B78D2";
    let tagged = "800F1234DECAFBADCAFEBABE F1D9DE17FF251FF1AA007774B0B4B40D A08D9D9A5B3A55D8873B";
    goes_both_ways(Suite::AesCm256Sha1_80, key, false, RTP, tagged);
    let tagged = "800F1234DECAFBADCAFEBABE F1D9DE17FF251FF1AA007774B0B4B40D A08D9D9A";
    goes_both_ways(Suite::AesCm256Sha1_32, key, false, RTP, tagged);
    let tagged = "81C8000BCAFEBABE B4D0E7A917D24B9FAAB9D3B6127B3BA6 80000001 E04AC0EC2846F71BD31C";
    goes_both_ways(Suite::AesCm256Sha1_80, key, true, RTCP, tagged);
    goes_both_ways(Suite::AesCm256Sha1_32, key, true, RTCP, tagged);
}

#[test]
fn whole_packets_of_aes_gcm() {
    let key = "000102030405060708090A0B0C0D0E0F A0A1A2A3A4A5A6A7A8A9AAAB";
    let tagged = "800F1234DECAFBADCAFEBABE C5002EDE04CFDD2EB91159E0880AA06E D2976826F796B201DF3131A127E8A392";
    goes_both_ways(Suite::Gcm128, key, false, RTP, tagged);
    let tagged =
        "81C8000BCAFEBABE C98B8B5DF0392A55852B6C21AC8E7025 C52C6FBEA2B3B446EA31123BA88CE61E 80000001";
    goes_both_ways(Suite::Gcm128, key, true, RTCP, tagged);
    let key = "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F A0A1A2A3A4A5A6A7A8A9AAAB";
    let tagged = "800F1234DECAFBADCAFEBABE 0AF7F21E8A90BDAD7A425C9C31ED4BB1 D90238917E7390A2793500E1681ACAEA";
    goes_both_ways(Suite::Gcm256, key, false, RTP, tagged);
    let tagged =
        "81C8000BCAFEBABE 8ABFAFA780070A90E80F9161CF4AAC08 1ED93AAA53C15B0F3ED1A3B984167B03 80000001";
    goes_both_ways(Suite::Gcm256, key, true, RTCP, tagged);
}
