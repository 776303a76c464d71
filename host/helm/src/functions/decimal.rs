//! `github.com/shopspring/decimal`, in which Sprig's functions that end in `f` compute, so that 0.1 + 0.2 is 0.3.

use num_bigint::{BigInt, Sign};

use crate::template::{Failure, Outcome};

/// Digits behind the point that a quotient keeps.
const PRECISION: i64 = 16;

/// `digits * 10^exponent`.
pub(super) struct Decimal {
    digits: BigInt,
    exponent: i64,
}

impl Decimal {
    /// The shortest decimal that is read as this float.
    pub(super) fn of(float: f64) -> Outcome<Self> {
        let text = rhumb_yaml::number::shortest(float);
        let parts = || {
            let (mantissa, exponent) = text.split_once('e')?;
            let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
            let exponent = exponent.parse::<i64>().ok()? - i64::try_from(fraction.len()).ok()?;
            Some(Self { digits: format!("{whole}{fraction}").parse().ok()?, exponent })
        };
        parts().ok_or_else(|| Failure::new("a decimal can be neither infinite nor no number"))
    }

    pub(super) fn float(&self) -> f64 {
        if self.digits.sign() == Sign::NoSign {
            return 0.0;
        }
        format!("{}e{}", self.digits, self.exponent).parse().unwrap_or(f64::NAN)
    }

    pub(super) fn add(self, other: Self) -> Outcome<Self> {
        let exponent = self.exponent.min(other.exponent);
        Ok(Self { digits: self.scaled(exponent) + other.scaled(exponent), exponent })
    }

    pub(super) fn sub(self, other: Self) -> Outcome<Self> {
        self.add(Self { digits: -other.digits, exponent: other.exponent })
    }

    pub(super) fn mul(self, other: Self) -> Outcome<Self> {
        Ok(Self { digits: self.digits * other.digits, exponent: self.exponent + other.exponent })
    }

    /// Halves are rounded away from 0.
    pub(super) fn div(self, other: Self) -> Outcome<Self> {
        if other.digits.sign() == Sign::NoSign {
            return Err(Failure::new("decimal division by 0"));
        }
        let is_negative = (self.digits.sign() == Sign::Minus) != (other.digits.sign() == Sign::Minus);
        let shift = self.exponent - other.exponent + PRECISION;
        let over = BigInt::from(self.digits.magnitude().clone()) * power(shift);
        let under = BigInt::from(other.digits.magnitude().clone()) * power(-shift);
        let quotient: BigInt = (over * 2 + &under) / (under * 2);
        Ok(Self { digits: if is_negative { -quotient } else { quotient }, exponent: -PRECISION })
    }

    /// The digits that go with a smaller exponent.
    fn scaled(&self, exponent: i64) -> BigInt {
        &self.digits * power(self.exponent - exponent)
    }
}

/// A power of ten; 1 when the exponent is negative.
fn power(exponent: i64) -> BigInt {
    BigInt::from(10).pow(u32::try_from(exponent).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compute(a: f64, operation: fn(Decimal, Decimal) -> Outcome<Decimal>, b: f64) -> f64 {
        let decimal = |float| Decimal::of(float).unwrap_or(Decimal { digits: BigInt::ZERO, exponent: 0 });
        operation(decimal(a), decimal(b)).map_or(f64::NAN, |decimal| decimal.float())
    }

    #[test]
    #[allow(clippy::float_cmp, reason = "they are exact")]
    fn decimals_are_exact() {
        assert_eq!(compute(0.1, Decimal::add, 0.2), 0.3);
        assert_eq!(compute(1e300, Decimal::sub, 1e-300), 1e300);
        assert_eq!(compute(-2.5, Decimal::mul, 0.1), -0.25);
        assert_eq!(compute(2.0, Decimal::div, 3.0), 0.666_666_666_666_666_7);
        assert_eq!(compute(-1.0, Decimal::div, 3e16), 0.0);
        assert!(compute(1.0, Decimal::div, 0.0).is_nan() && Decimal::of(f64::NAN).is_err());
    }
}
