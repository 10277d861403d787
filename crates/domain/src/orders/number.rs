use crate::id::OrderId;

/// The digits of Crockford's Base32, which avoids letters that look like digits.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// How many digits a number has.
const LENGTH: u32 = 10;

/// The number of the order with this identifier: two groups of five digits, which are easy to read aloud, from the
/// random bits of the identifier. The database ensures that numbers are unique.
///
/// ```
/// use domain::orders::order_number;
///
/// let id = "0190a1b2-0000-7000-8000-00000000001f".parse()?;
/// assert_eq!(order_number(id), "00000-0000Z");
/// # Ok::<(), domain::id::InvalidId>(())
/// ```
#[must_use]
pub fn order_number(id: OrderId) -> String {
    let (_, bits) = id.as_uuid().as_u64_pair();
    let digit = |place: u32| {
        let index = (bits >> place.saturating_mul(5)) & 31;
        usize::try_from(index)
            .ok()
            .and_then(|index| DIGITS.get(index))
            .map_or('0', |digit| char::from(*digit))
    };
    let digits: String = (0..LENGTH).rev().map(digit).collect();
    let (first, second) = digits.split_at(digits.len() >> 1);
    format!("{first}-{second}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn identifiers_that_differ_in_any_of_the_last_fifty_bits_have_different_numbers() {
        let number = |bits: u128| order_number(OrderId::from_uuid(uuid::Uuid::from_u128(bits)));
        let numbers: BTreeSet<_> = (0..50).map(|bit| number(1 << bit)).collect();
        assert_eq!(numbers.len(), 50);
        assert!(numbers.iter().all(|number| number.len() == 11));
    }
}
