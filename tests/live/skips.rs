//! The rules by which tests may be skipped.

use crate::support::*;
use uffd_sys::*;

#[test]
fn the_kernel_answers_every_feature_that_is_expected() {
    run(|| {
        let expected = expected().unwrap_or(0);
        let missing = expected & !kernel_features()?;
        assert!(
            missing == 0,
            "UFFD_SYS_EXPECT={expected:#x} has bits that this kernel does not answer: {missing:#x}. \
             {}\nRun on the kernel that was meant, or correct the mask.",
            Skip::features(missing)
        );
        Ok(())
    });
}

#[test]
fn a_skip_fails_where_it_was_not_expected() {
    assert!(!is_failure(UFFD_FEATURE_MOVE, None));
    assert!(!is_failure(0, None));
    assert!(!is_failure(UFFD_FEATURE_MOVE, Some(UFFD_FEATURE_POISON)));
    assert!(is_failure(
        UFFD_FEATURE_MOVE,
        Some(UFFD_FEATURE_POISON | UFFD_FEATURE_MOVE)
    ));
    assert!(is_failure(0, Some(0)), "no permission, or no huge pages");
}

#[test]
fn masks_are_decimal_or_hexadecimal() {
    assert_eq!(parse_mask("131071"), Some(0x1ffff));
    assert_eq!(parse_mask(" 0x1ffff\n"), Some(0x1ffff));
    assert_eq!(parse_mask("0XFF"), Some(255));
    assert_eq!(parse_mask("1ffff"), None);
    assert_eq!(parse_mask(""), None);
}
