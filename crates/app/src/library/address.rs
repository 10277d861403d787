//! The addresses (URLs) of films and subtitles. An address contains the identifier of a purchase, and is signed, so
//! that it cannot be forged.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::DateTime;
use domain::{entropy::Signer, id::PurchaseId, library::Language, time::Instant};
use uuid::Uuid;

/// The first part of the signed data. Because of this part, a signature that the server made for another purpose is not
/// valid here.
const PURPOSE: &[u8] = b"watch";

/// The data in an address: which file can be opened with the address, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// The purchase that allows watching the movie.
    pub(super) purchase_id: PurchaseId,
    /// When the address expires, in whole seconds.
    pub(super) expires_at: Instant,
    /// The language of the subtitles; `None` if the address belongs to the film.
    pub(super) language: Option<Language>,
}

impl Address {
    /// Returns the last part of the path of the address: the signed data and the signature.
    pub(super) fn sign(&self, signer: &dyn Signer) -> String {
        let mut payload = self.purchase_id.as_uuid().as_bytes().to_vec();
        payload.extend(self.expires_at.timestamp().to_be_bytes());
        payload.extend(self.language.iter().flat_map(|language| language.as_str().bytes()));
        let tag = signer.sign(&[PURPOSE, &payload]);
        format!("{}.{}", URL_SAFE_NO_PAD.encode(payload), URL_SAFE_NO_PAD.encode(tag))
    }

    /// Reads the last part of a path; `None` when it is malformed or was not signed by this server.
    pub(super) fn read(text: &str, signer: &dyn Signer) -> Option<Self> {
        let (payload, tag) = text.split_once('.')?;
        let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        if !signer.verify(&[PURPOSE, &payload], &tag) {
            return None;
        }
        let (id, rest) = payload.split_first_chunk::<16>()?;
        let (seconds, language) = rest.split_first_chunk::<8>()?;
        let language = match language {
            [] => None,
            language => Some(std::str::from_utf8(language).ok()?.parse().ok()?),
        };
        Some(Self {
            purchase_id: PurchaseId::from_uuid(Uuid::from_bytes(*id)),
            expires_at: DateTime::from_timestamp(i64::from_be_bytes(*seconds), 0)?,
            language,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doubles::SumSigner;

    #[test]
    fn an_address_can_be_read_and_an_altered_one_cannot() {
        for language in [None, Some("pt-BR".parse().unwrap())] {
            let expires_at = DateTime::from_timestamp(1_767_225_600, 0).unwrap();
            let address =
                Address { purchase_id: PurchaseId::from_uuid(Uuid::from_u128(7)), expires_at, language };
            let text = address.sign(&SumSigner);
            assert_eq!(Address::read(&text, &SumSigner), Some(address));
            for bad in [&text[1..], &text[..text.len() - 4], "", ".", "AAAA.AAAA", "💥"] {
                assert_eq!(Address::read(bad, &SumSigner), None, "{bad}");
            }
        }
    }
}
