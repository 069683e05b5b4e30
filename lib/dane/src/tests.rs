use super::*;

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const C: &str = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";
const D: &str = "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd";

fn tlsa(usage: u8, selector: u8, matching: u8, data: &str) -> Tlsa<'_> {
    Tlsa { usage, selector, matching, data }
}

fn certificate<'a>(whole: &'a str, key: &'a str, path: Path<'a>) -> Certificate<'a> {
    Certificate { sha256: whole, sha512: "", spki_sha256: key, spki_sha512: "", path }
}

/// Leaf A with key B, issuer C with key D.
fn check(records: &[Tlsa<'_>], path: Path<'static>, expected: Verdict, first: &Match<'_>) {
    let chain = [certificate(A, B, Path::Unknown), certificate(C, D, path)];
    let names = ["*.a.example".to_owned()];
    let (verdict, matches) = evaluate(records, &chain, &names, &["mx.a.example", "a.example"]);
    assert_eq!((verdict, &matches[0]), (expected, first), "{records:?}");
}

#[test]
fn the_leaf_counts_for_usage_3_whatever_its_path() {
    let fits = Match::Fits { depth: 0 };
    check(&[tlsa(3, 1, 1, B)], Path::OutOfDate, Verdict::Authenticated, &fits);
    check(&[tlsa(3, 0, 1, A)], Path::OutOfDate, Verdict::Authenticated, &fits);
    check(&[tlsa(3, 1, 1, A)], Path::Holds, Verdict::Mismatch, &Match::NoCertificate);
    check(&[tlsa(3, 1, 1, D)], Path::Holds, Verdict::Mismatch, &Match::AuthorityAsLeaf);
}

#[test]
fn an_authority_counts_from_depth_1_with_signatures_and_name() {
    check(&[tlsa(2, 1, 1, D)], Path::Holds, Verdict::Authenticated, &Match::Fits { depth: 1 });
    check(&[tlsa(2, 0, 1, C)], Path::Holds, Verdict::Authenticated, &Match::Fits { depth: 1 });
    check(&[tlsa(2, 1, 1, B)], Path::Holds, Verdict::Mismatch, &Match::LeafAsAuthority);
    check(&[tlsa(2, 1, 1, D)], Path::OutOfDate, Verdict::Mismatch, &Match::OutOfDate);
    check(&[tlsa(2, 1, 1, D)], Path::Fails("x"), Verdict::Mismatch, &Match::BrokenChain("x"));
    check(&[tlsa(2, 0, 0, "3082")], Path::Holds, Verdict::Unknown, &Match::NotSent);
    let chain = [certificate(A, B, Path::Unknown), certificate(C, D, Path::Holds)];
    let (verdict, _) = evaluate(&[tlsa(2, 1, 1, D)], &chain, &["other.example".into()], &["mx.a.example"]);
    assert_eq!(verdict, Verdict::Mismatch);
}

#[test]
fn records_are_alternatives_and_the_unusable_are_left_out() {
    let both = [tlsa(3, 1, 1, A), tlsa(2, 1, 1, D)];
    check(&both, Path::Holds, Verdict::Authenticated, &Match::NoCertificate);
    for (record, why) in [
        (tlsa(1, 1, 1, B), Unusable::PublicAuthority),
        (tlsa(0, 1, 1, B), Unusable::PublicAuthority),
        (tlsa(4, 1, 1, B), Unusable::Usage),
        (tlsa(3, 2, 1, B), Unusable::Selector),
        (tlsa(3, 1, 3, B), Unusable::Matching),
        (tlsa(3, 1, 2, B), Unusable::Length { expected: 64, found: 32 }),
        (tlsa(3, 1, 1, "bb"), Unusable::Length { expected: 32, found: 1 }),
        (tlsa(3, 1, 0, ""), Unusable::Length { expected: 1, found: 0 }),
    ] {
        check(&[record], Path::Holds, Verdict::Unusable, &Match::Unusable(why));
        check(&[record, tlsa(3, 1, 1, C)], Path::Holds, Verdict::Mismatch, &Match::Unusable(why));
    }
}

#[test]
fn data_in_full_is_compared_by_its_digest() {
    // FIPS 180-2, appendix B.1: SHA-256 of "abc".
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let chain = [certificate(digest, B, Path::Unknown)];
    let (verdict, _) = evaluate(&[tlsa(3, 0, 0, "616263")], &chain, &[], &["mx.a.example"]);
    assert_eq!(verdict, Verdict::Authenticated);
    // A key that cannot be read fits nothing.
    let unreadable = [certificate(A, "", Path::Unknown)];
    assert_eq!(evaluate(&[tlsa(3, 1, 0, "xx")], &unreadable, &[], &[]).0, Verdict::Mismatch);
}

#[test]
fn a_wildcard_names_one_label() {
    assert!(names_host("*.A.example", "mx.a.example.") && names_host("mx.a.example", "MX.a.example"));
    assert!(!names_host("*.a.example", "a.example") && !names_host("*.a.example", "x.y.a.example"));
}
