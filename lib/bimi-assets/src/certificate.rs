//! Mark certificates (VMC and CMC): what they say, and of which image.

use std::{fmt, io::Read};

use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate};

/// id-kp-BrandIndicatorforMessageIdentification (draft-fetch-validation-vmc §4.1).
const BRAND_INDICATOR: &str = "1.3.6.1.5.5.7.3.31";
/// The logotype extension (RFC 3709 §4.1).
const LOGOTYPE: &str = "1.3.6.1.5.5.7.1.12";
/// The kind of mark, in the subject (Minimum Security Requirements for Mark Certificates §7.1.4.2.2).
const MARK_TYPE: &str = "1.3.6.1.4.1.53087.1.13";
/// The largest file that is read, in bytes.
pub const READ: usize = 256 * 1024;
/// The most certificates of a file that are read.
const MOST: usize = 8;
/// The largest image inside a certificate that is unpacked, in bytes.
const IMAGE: u64 = 256 * 1024;

/// What a mark certificate says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Its subject.
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// First second of validity, Unix time.
    pub not_before: i64,
    /// Last second of validity, Unix time.
    pub not_after: i64,
    /// The DNS names that it is for, in lower case.
    pub names: Vec<String>,
    /// Whether it is made for BIMI (its extended key usage).
    pub is_for_bimi: bool,
    /// The kind of mark, for example `Registered Mark`; `Prior Use Mark` makes it a CMC.
    pub kind: Option<String>,
    /// The image inside it, unpacked; `None` where it has none that can be read.
    pub image: Option<Vec<u8>>,
    /// How many certificates follow it in the file.
    pub chain: usize,
    /// Whether each certificate is issued by the one that follows it, by name.
    pub is_linked: bool,
}

/// Why a file holds no mark certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoMark {
    /// It has no `-----BEGIN CERTIFICATE-----`.
    NotPem,
    /// What stands there is no base64.
    Base64,
    /// It is no certificate.
    NotX509,
    /// It is larger than [`READ`].
    TooLarge,
}

/// A lower-case fragment that fits after "the file".
impl fmt::Display for NoMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NoMark::NotPem => "holds no PEM certificate",
            NoMark::Base64 => "holds a PEM certificate that is no base64",
            NoMark::NotX509 => "holds something that is no certificate",
            NoMark::TooLarge => "is too large to look into",
        })
    }
}

/// Reads a file of PEM certificates, the mark certificate first.
///
/// # Errors
/// When it holds none, see [`NoMark`].
pub fn read(bytes: &[u8]) -> Result<Mark, NoMark> {
    if bytes.len() > READ {
        return Err(NoMark::TooLarge);
    }
    let text = String::from_utf8_lossy(bytes);
    let mut chain = Vec::new();
    let mut rest = text.as_ref();
    while let Some((_, after)) = rest.split_once("-----BEGIN CERTIFICATE-----") {
        let (inside, after) = after.split_once("-----END CERTIFICATE-----").unwrap_or((after, ""));
        let packed: Vec<u8> = inside.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        chain.push(data_encoding::BASE64.decode(&packed).map_err(|_| NoMark::Base64)?);
        rest = after;
        if chain.len() == MOST {
            break;
        }
    }
    let leaf = chain.first().ok_or(NoMark::NotPem)?;
    let (_, certificate) = X509Certificate::from_der(leaf).map_err(|_| NoMark::NotX509)?;
    let mut mark = mark(&certificate);
    mark.chain = chain.len() - 1;
    let parsed: Vec<X509Certificate<'_>> =
        chain.iter().filter_map(|der| X509Certificate::from_der(der).ok().map(|(_, one)| one)).collect();
    mark.is_linked = parsed.len() == chain.len() && parsed.windows(2).all(|pair| pair[0].issuer() == pair[1].subject());
    Ok(mark)
}

fn mark(certificate: &X509Certificate<'_>) -> Mark {
    let mut mark = Mark {
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
        not_before: certificate.validity().not_before.timestamp(),
        not_after: certificate.validity().not_after.timestamp(),
        ..Mark::default()
    };
    let kind =
        certificate.subject().iter_attributes().find(|attribute| attribute.attr_type().to_id_string() == MARK_TYPE);
    mark.kind = kind.and_then(|kind| kind.as_str().ok()).map(str::to_owned);
    for extension in certificate.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => {
                mark.names.extend(names.general_names.iter().filter_map(|name| match name {
                    GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
                    _ => None,
                }));
            }
            ParsedExtension::ExtendedKeyUsage(usage) => {
                mark.is_for_bimi = usage.other.iter().any(|oid| oid.to_id_string() == BRAND_INDICATOR);
            }
            _ if extension.oid.to_id_string() == LOGOTYPE => mark.image = image(extension.value),
            _ => {}
        }
    }
    mark
}

/// The image in a logotype extension: a `data:` URI of SVG, compressed or not
/// (RFC 3709 §4.1, RFC 6170 §5.2). The URI is one string of the DER, so that it
/// need not be read into its parts.
fn image(extension: &[u8]) -> Option<Vec<u8>> {
    const HEADS: [&[u8]; 2] = [b"data:image/svg+xml;base64,", b"data:image/svg+xml-compressed;base64,"];
    let find = |head: &[u8]| {
        extension.windows(head.len()).position(|part| part.eq_ignore_ascii_case(head)).map(|at| at + head.len())
    };
    let start = HEADS.into_iter().find_map(find)?;
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let packed: Vec<u8> = extension[start..].iter().copied().take_while(is_base64).collect();
    // A tag that follows may look like one more character.
    let whole = packed.len() - packed.len() % 4;
    let bytes = data_encoding::BASE64.decode(&packed[..whole]).ok()?;
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Some(bytes);
    }
    let mut image = Vec::new();
    flate2::read::GzDecoder::new(bytes.as_slice()).take(IMAGE).read_to_end(&mut image).ok()?;
    Some(image)
}

impl Mark {
    /// Whether it is for mail of `domain`: one of its names is the domain or above
    /// it, or is the place of its record.
    pub fn is_for(&self, domain: &str) -> bool {
        self.names.iter().any(|name| {
            let name = name.split_once("._bimi.").map_or(name.as_str(), |(_, domain)| domain);
            domain.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    }

    /// Whether its image is the one that these bytes are, but for white space at the ends.
    pub fn is_of(&self, image: &[u8]) -> Option<bool> {
        self.image.as_ref().map(|own| own.trim_ascii() == image.trim_ascii())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::io::Write;

    use proptest::prelude::*;
    use rcgen::{CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};

    use super::*;

    fn pem(purpose: Vec<u64>, logotype: Option<Vec<u8>>) -> String {
        let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Other(purpose)];
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2027, 1, 1);
        if let Some(value) = logotype {
            let oid = [1, 3, 6, 1, 5, 5, 7, 1, 12];
            params.custom_extensions.push(CustomExtension::from_oid_content(&oid, value));
        }
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
    }

    const BIMI: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 3, 31];

    #[test]
    fn a_mark_certificate_is_read() {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(b"<svg/>").unwrap();
        let uri = format!("data:image/svg+xml;base64,{}", data_encoding::BASE64.encode(&packer.finish().unwrap()));
        let value = [&[0x30, uri.len() as u8 + 2, 0x16, uri.len() as u8], uri.as_bytes()].concat();
        let mark = read(pem(BIMI.to_vec(), Some(value)).as_bytes()).unwrap();
        assert!(mark.is_for_bimi && mark.is_linked);
        assert_eq!((mark.not_before, mark.not_after), (1_767_225_600, 1_798_761_600));
        assert_eq!((mark.is_of(b"<svg/>\n"), mark.is_of(b"<svg x='1'/>")), (Some(true), Some(false)));
        assert!(mark.is_for("a.example") && mark.is_for("mail.a.example") && !mark.is_for("xa.example"));
    }

    #[test]
    fn what_is_no_mark_certificate_is_told() {
        assert_eq!(read(b"hello"), Err(NoMark::NotPem));
        assert_eq!(read(b"-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----"), Err(NoMark::Base64));
        assert_eq!(read(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"), Err(NoMark::NotX509));
        assert!(!read(pem(vec![1, 3, 6, 1, 5, 5, 7, 3, 1], None).as_bytes()).unwrap().is_for_bimi);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
            let text = format!("-----BEGIN CERTIFICATE-----{}-----END CERTIFICATE-----", data_encoding::BASE64.encode(&bytes));
            let _ = read(text.as_bytes());
            let _ = image(&bytes);
        }
    }
}
