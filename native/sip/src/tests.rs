//! What is ordinary and what is not. That it is in order by the rules of Python, tests in Python show.

use proptest::prelude::*;

use super::names::NAMES;
use super::*;

const BYE: &str = "BYE sip:bob@[2001:db8::7]:5062;transport=tcp SIP/2.0\r\n\
    v: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
    VIA: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK2\r\n\
    Route: <sip:a;lr>, <sip:b;lr>\r\n\
    Max-Forwards: 70\r\n\
    From: \"A, \\\"B\\\"\" <sip:a@ims.example>;tag=1;x=\"<,>\"\r\n\
    To:sip:b@ims.example ; tag=2\r\n\
    i:  c1@192.0.2.1  \r\n\
    CSeq: 2147483647   BYE\r\n\
    X-Own: any, thing\r\n\
    Contact: <sip:a@192.0.2.1>\r\n\
    Content-Length: 3\r\n\
    \r\n\
    abcd";

/// BYE with one thing changed.
fn changed(from: &str, to: &str) -> Vec<u8> {
    assert_eq!(BYE.matches(from).count(), 1, "{from}");
    BYE.replace(from, to).into_bytes()
}

fn name(key: &Key) -> &str {
    match key {
        Key::Known(index) => NAMES[*index],
        Key::Other(name) => name,
    }
}

#[test]
fn a_request_is_read_to_its_body() {
    let head = read(BYE.as_bytes()).unwrap();
    let uri = &b"sip:bob@[2001:db8::7]:5062;transport=tcp"[..];
    assert_eq!(head.start, Start::Request { method: b"BYE", uri });
    let keys: Vec<_> = head.fields.iter().map(|(key, _)| name(key)).collect();
    let names = "via via route max-forwards from to call-id cseq x-own contact content-length";
    assert_eq!(keys, names.split(' ').collect::<Vec<_>>());
    assert_eq!(head.fields[6].1, b"i:  c1@192.0.2.1  ");
    assert_eq!(&BYE[head.body..], "abcd");
    assert_eq!(head.length, 3);
}

#[test]
fn responses_have_any_phrase_and_contacts() {
    let start = "BYE sip:bob@[2001:db8::7]:5062;transport=tcp SIP/2.0";
    for (line, status, reason) in
        [("SIP/2.0 200 OK", 200, "OK"), ("SIP/2.0 699", 699, ""), ("SIP/2.0 100 ", 100, "")]
    {
        let data = String::from_utf8(changed(start, line)).unwrap().replace("<sip:a@192.0.2.1>", "<sip:a, b");
        let head = read(data.as_bytes()).unwrap();
        assert_eq!(head.start, Start::Response { status, reason: reason.as_bytes() });
    }
    for line in [
        "SIP/2.0 99 X",
        "SIP/2.0 700 X",
        "SIP/2.0 2000 X",
        "SIP/2.0 +20 X",
        "SIP/3.0 200 OK",
        "sip/2.0 200 OK",
    ] {
        assert!(read(&changed(start, line)).is_none(), "{line}");
    }
}

#[test]
fn every_name_has_its_place() {
    for (index, name) in NAMES.iter().enumerate() {
        assert_eq!(names::key_of(name.as_bytes()), Key::Known(index));
        assert_eq!(names::key_of(name.to_ascii_uppercase().as_bytes()), Key::Known(index));
    }
    assert_eq!(names::key_of(b"Q"), Key::Other("q".into()));
    assert_eq!(names::key_of(b"FRO"), Key::Other("fro".into()));
}

#[test]
fn what_is_not_ordinary_is_left_alone() {
    for (from, to) in [
        ("BYE sip", "BYE  sip"),
        ("BYE sip", "B(YE sip"),
        ("BYE sip", " sip"),
        ("tcp SIP/2.0", "tcp SIP/2.0 "),
        ("tcp SIP/2.0", "tcp sip/2.0"),
        ("tcp SIP", "tcp?a=b SIP"),
        ("sip:bob@", "sip:@"),
        ("sip:bob@", "sip:b@b@"),
        ("sip:bob@", "sip:b\\b@"),
        ("sip:bob@", "urn:bob@"),
        ("[2001:db8::7]", "[2001:db8:::7]"),
        ("[2001:db8::7]", "[]"),
        ("[2001:db8::7]", ""),
        (":5062", ":0"),
        (":5062", ":65536"),
        (":5062", ":000080"),
        (":5062", ":"),
        ("branch=z9hG4bK2", "branch=z9hG4bK2,"),
        ("branch=z9hG4bK2", "branch=z9hG4bK2,a"),
        ("branch=z9hG4bK2", "branch=z9hG4bK2,SIP/2.0/ a"),
        ("branch=z9hG4bK2", "branch=z9hG4bK2,SIP/2.0/UDPa"),
        ("branch=z9hG4bK2", "branch=z9hG4bK2,SIP/2.0/UDP a b"),
        ("branch=z9hG4bK2", "branch=z9hG4bK2,SIP/2.0/UDP a:0"),
        ("branch=z9hG4bK2", "x=\"y\",SIP/2.0/UDP a"),
        ("Max-Forwards: 70", "Max-Forwards: 256"),
        ("Max-Forwards: 70", "Max-Forwards:"),
        ("\\\"\" <sip", "\\\" <sip"),
        ("=\"<,>\"", "=\"<,>"),
        ("=\"<,>\"", "=<"),
        ("=\"<,>\"", "=,"),
        ("<sip:a@ims.example>", "<>"),
        ("<sip:a@ims.example>", "<sip:a ims.example>"),
        ("<sip:a@ims.example>", "<sip:a@ims.example> tag"),
        ("sip:b@ims.example ;", "sip:b@ims.example tag ;"),
        ("sip:b@ims.example ;", "sip:b@ims.example?x=y ;"),
        ("sip:b@ims.example ;", "1sip:b@ims.example ;"),
        ("To:sip:b@ims.example ; tag=2", "To: *"),
        ("c1@192.0.2.1", ""),
        ("c1@192.0.2.1", "c1 @"),
        ("2147483647 ", "2147483648 "),
        ("2147483647 ", "x "),
        ("2147483647   BYE", "1 BYE x"),
        ("2147483647   BYE", "1 bye"),
        ("2147483647   BYE", "1"),
        ("X-Own:", "X-Own :"),
        ("X-Own:", "X Own:"),
        ("X-Own:", ":"),
        ("X-Own: any, thing", "X-Own"),
        ("X-Own: any, thing", "f: <sip:a@ims.example>"),
        ("X-Own: any, thing", " folded"),
        ("any, thing", "any\tthing"),
        ("any, thing", "any\nthing"),
        ("any, thing", "any\rthing"),
        ("any, thing", "any\u{7f}thing"),
        ("any, thing", "\u{e4}"),
        ("<sip:a@192.0.2.1>", "<sip:a>, <sip:b>"),
        ("<sip:a@192.0.2.1>", "a, <sip:b>"),
        ("<sip:a@192.0.2.1>", ""),
        ("Content-Length: 3\r\n", ""),
        ("Length: 3", "Length: +3"),
        ("Length: 3", "Length: 65536"),
        ("\r\n\r\n", "\r\n"),
    ] {
        assert!(read(&changed(from, to)).is_none(), "{from} -> {to}");
    }
    for (from, to) in [
        ("bob@", "b:o;b@"),
        ("bob@", ""),
        ("any, thing", "~"),
        ("<sip:a@192.0.2.1>", "*"),
        ("branch=z9hG4bK2", "x , SIP/2.0/a-b  [::1]:9;y=z,SIP/2.0/UDP c"),
    ] {
        assert!(read(&changed(from, to)).is_some(), "{from} -> {to}");
    }
}

#[test]
fn an_invite_has_one_contact() {
    let invite = BYE.replace("BYE", "INVITE");
    assert!(read(invite.as_bytes()).is_some());
    for lines in ["", "m: <sip:a>\r\nContact: <sip:b>\r\n"] {
        let data = invite.replace("Contact: <sip:a@192.0.2.1>\r\n", lines);
        assert!(read(data.as_bytes()).is_none(), "{lines}");
        assert!(read(data.replace("INVITE", "REGISTER").as_bytes()).is_some(), "{lines}");
    }
}

#[test]
fn limits_are_out_of_reach() {
    let with = |lines: String| read(&changed("X-Own: any, thing\r\n", &lines)).is_some();
    assert!(with("Z: y\r\n".repeat(MAX_FIELDS - 10)));
    assert!(!with("Z: y\r\n".repeat(MAX_FIELDS - 9)));
    assert!(with(format!("Route: a{}\r\n", ",".repeat(MAX_HOPS - 5))));
    assert!(!with(format!("Route: a{}\r\n", ",".repeat(MAX_HOPS - 4))));
    let rest = read(BYE.as_bytes()).unwrap().body - "X-Own: any, thing".len() - "\r\n\r\n".len();
    assert!(with(format!("Z:{}\r\n", "y".repeat(MAX_HEAD - rest - 2))));
    assert!(!with(format!("Z:{}\r\n", "y".repeat(MAX_HEAD - rest - 1))));
}

proptest! {
    #[test]
    fn printable_ends_where_text_does(
        text in "[ -~]{0,70}",
        octet in prop_oneof![0..b' ', 0x7f..=0xff_u8],
        rest in any::<Vec<u8>>(),
    ) {
        let data = [text.as_bytes(), &[octet], &rest].concat();
        prop_assert_eq!(printable(&data), text.len());
    }

    #[test]
    fn nothing_panics(at in 0..BYE.len(), cut in 0..9_usize, junk in any::<Vec<u8>>()) {
        let (front, rest) = BYE.as_bytes().split_at(at);
        read(&[front, &junk, &rest[cut.min(rest.len())..]].concat());
        read(&BYE.as_bytes()[..at]);
        read(&junk);
    }
}
