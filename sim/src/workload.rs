//! What messages look like: their data begins with their number, so that everybody outside the peers knows them apart.

/// A message's number and whether it is valid need so many bytes of data.
pub const MESSAGE_MIN: u32 = 9;

/// Data of message `number`.
pub fn compose(number: u64, valid: bool, size: u32) -> Vec<u8> {
    let mut data = vec![0; size.max(MESSAGE_MIN) as usize];
    data[..8].copy_from_slice(&number.to_be_bytes());
    data[8] = u8::from(valid);
    // Different messages differ in every byte, not only at the front.
    let filler = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
    for (byte, fill) in data[9..].iter_mut().zip(filler.iter().cycle()) {
        *byte = *fill;
    }
    data
}

/// The number and the validity of a message with this data, if it is one of ours.
pub fn read(data: &[u8]) -> Option<(u64, bool)> {
    let number = u64::from_be_bytes(*data.first_chunk()?);
    Some((number, *data.get(8)? == 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_composed_can_be_read() {
        for (number, valid, size) in [(0, true, 0), (u64::MAX, false, 9), (77, true, 65_525)] {
            let data = compose(number, valid, size);
            assert_eq!(data.len(), size.max(9) as usize);
            assert_eq!(read(&data), Some((number, valid)));
        }
        assert_eq!(read(&[0; 8]), None);
    }
}
