//! Instructions in a form that is fast to run: all operands are registers, and constants are registers that
//! nobody writes to.

/// A register's index. Registers hold 64 bits; shorter values are extended with zeros, predicates are 0 or 1.
pub type Reg = u16;

/// Registers that every thread begins with.
pub const TID: Reg = 0;
pub const NTID: Reg = 1;
pub const CTAID: Reg = 2;
/// Where goes what nobody wants.
pub const SINK: Reg = 3;

/// What is computed of one value.
#[derive(Clone, Copy, Debug)]
pub enum Unary {
    Same,
    Low32,
    High32,
    Not32,
    NotPred,
    Neg32,
    NegF64,
    AbsF64,
    SqrtF64,
    InverseF64,
    F64OfU32,
    F32OfU32,
}

/// What is computed of two.
#[derive(Clone, Copy, Debug)]
pub enum Binary {
    Add32,
    Sub32,
    Mul32,
    Div32,
    Rem32,
    And32,
    Or32,
    Xor32,
    Max32,
    Min32,
    Shl32,
    Shr32,
    Add64,
    Mul64,
    And64,
    Or64,
    Xor64,
    MaxS64,
    Shl64,
    Shr64,
    MulWide,
    Pack,
    AddF64,
    SubF64,
    MulF64,
    DivF64,
    MaxF64,
    AddF32,
    Eq32,
    Ne32,
    Lt32,
    Le32,
    Gt32,
    Ge32,
    Eq64,
    Ne64,
    GtS64,
    EqF64,
    NeF64,
    LtF64,
    LeF64,
    GtF64,
    GeF64,
    /// These are true of numbers that cannot be compared.
    EqUnordered,
    LtUnordered,
    LeUnordered,
    GtUnordered,
    GeUnordered,
}

/// What is computed of three.
#[derive(Clone, Copy, Debug)]
pub enum Ternary {
    FmaF64,
    FmaF32,
    Mad32,
    Mad64,
    /// Bits of the first from the second on, as many as the third says.
    Field32,
    /// The first if the third is not zero, else the second.
    Select,
}

/// Kinds of memory and of access to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    Shared,
    Global,
    /// Tables that nobody writes to while the kernel runs.
    Constant,
    /// Words that other blocks and the host may change at any time.
    Atomic,
}

/// An address: a register and a distance in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub base: Reg,
    pub offset: i32,
}

#[derive(Clone, Copy, Debug)]
pub enum Op {
    One(Unary, Reg, Reg),
    Two(Binary, Reg, Reg, Reg),
    Three(Ternary, Reg, [Reg; 3]),
    /// A parameter's word at a distance in bytes.
    Parameter {
        d: Reg,
        offset: u16,
        is_long: bool,
    },
    Load {
        space: Space,
        is_long: bool,
        d: [Reg; 2],
        n: u8,
        from: Place,
    },
    Store {
        space: Space,
        is_long: bool,
        of: [Reg; 2],
        n: u8,
        to: Place,
    },
    AtomicAdd {
        d: Reg,
        at: Place,
        of: Reg,
    },
    AtomicMin {
        at: Place,
        of: Reg,
    },
    Jump(u32),
    JumpIf {
        predicate: Reg,
        is_wanted: bool,
        to: u32,
    },
    /// To the place in a table of places.
    JumpTable {
        index: Reg,
        table: u32,
    },
    Barrier,
    /// The value of the thread of the warp whose number differs in these bits.
    Shuffle {
        d: Reg,
        of: Reg,
        mask: Reg,
    },
    Return,
}

/// An entry of a module, ready to run.
#[derive(Clone, Debug)]
pub struct Kernel {
    pub(crate) ops: Vec<Op>,
    /// The line of each instruction.
    pub(crate) lines: Vec<u32>,
    pub(crate) tables: Vec<Vec<u32>>,
    /// Registers, and the values of those that are constants.
    pub(crate) n_registers: usize,
    pub(crate) constants: Vec<(Reg, u64)>,
}

fn f(bits: u64) -> f64 {
    f64::from_bits(bits)
}

fn f32_of(bits: u64) -> f32 {
    f32::from_bits(bits as u32)
}

pub fn one(op: Unary, a: u64) -> u64 {
    match op {
        Unary::Same => a,
        Unary::Low32 => a as u32 as u64,
        Unary::High32 => a >> 32,
        Unary::Not32 => !(a as u32) as u64,
        Unary::NotPred => a ^ 1,
        Unary::Neg32 => (a as u32).wrapping_neg() as u64,
        Unary::NegF64 => a ^ 1 << 63,
        Unary::AbsF64 => a & !(1 << 63),
        Unary::SqrtF64 => f(a).sqrt().to_bits(),
        Unary::InverseF64 => (1.0 / f(a)).to_bits(),
        Unary::F64OfU32 => f64::from(a as u32).to_bits(),
        Unary::F32OfU32 => (a as u32 as f32).to_bits().into(),
    }
}

pub fn two(op: Binary, a: u64, b: u64) -> u64 {
    let (a32, b32) = (a as u32, b as u32);
    let short: u32 = match op {
        Binary::Add32 => a32.wrapping_add(b32),
        Binary::Sub32 => a32.wrapping_sub(b32),
        Binary::Mul32 => a32.wrapping_mul(b32),
        // All bits set, as the hardware has it.
        Binary::Div32 => a32.checked_div(b32).unwrap_or(u32::MAX),
        Binary::Rem32 => a32.checked_rem(b32).unwrap_or(u32::MAX),
        Binary::And32 => a32 & b32,
        Binary::Or32 => a32 | b32,
        Binary::Xor32 => a32 ^ b32,
        Binary::Max32 => a32.max(b32),
        Binary::Min32 => a32.min(b32),
        Binary::Shl32 => a32.checked_shl(b32).unwrap_or(0),
        Binary::Shr32 => a32.checked_shr(b32).unwrap_or(0),
        Binary::AddF32 => (f32_of(a) + f32_of(b)).to_bits(),
        Binary::Eq32 => (a32 == b32).into(),
        Binary::Ne32 => (a32 != b32).into(),
        Binary::Lt32 => (a32 < b32).into(),
        Binary::Le32 => (a32 <= b32).into(),
        Binary::Gt32 => (a32 > b32).into(),
        Binary::Ge32 => (a32 >= b32).into(),
        Binary::Eq64 => (a == b).into(),
        Binary::Ne64 => (a != b).into(),
        Binary::GtS64 => (a as i64 > b as i64).into(),
        Binary::EqF64 => (f(a) == f(b)).into(),
        Binary::NeF64 => (f(a) < f(b) || f(a) > f(b)).into(),
        Binary::LtF64 => (f(a) < f(b)).into(),
        Binary::LeF64 => (f(a) <= f(b)).into(),
        Binary::GtF64 => (f(a) > f(b)).into(),
        Binary::GeF64 => (f(a) >= f(b)).into(),
        Binary::EqUnordered => !(f(a) < f(b) || f(a) > f(b)) as u32,
        Binary::LtUnordered => (f(a) < f(b) || f(a).is_nan() || f(b).is_nan()).into(),
        Binary::LeUnordered => (f(a) <= f(b) || f(a).is_nan() || f(b).is_nan()).into(),
        Binary::GtUnordered => (f(a) > f(b) || f(a).is_nan() || f(b).is_nan()).into(),
        Binary::GeUnordered => (f(a) >= f(b) || f(a).is_nan() || f(b).is_nan()).into(),
        _ => return long(op, a, b),
    };
    short.into()
}

/// Those with results of 64 bits.
fn long(op: Binary, a: u64, b: u64) -> u64 {
    match op {
        Binary::Add64 => a.wrapping_add(b),
        Binary::Mul64 => a.wrapping_mul(b),
        Binary::And64 => a & b,
        Binary::Or64 => a | b,
        Binary::Xor64 => a ^ b,
        Binary::MaxS64 => (a as i64).max(b as i64) as u64,
        Binary::Shl64 => a.checked_shl(b as u32).unwrap_or(0),
        Binary::Shr64 => a.checked_shr(b as u32).unwrap_or(0),
        Binary::MulWide => u64::from(a as u32) * u64::from(b as u32),
        Binary::Pack => u64::from(a as u32) | u64::from(b as u32) << 32,
        Binary::AddF64 => (f(a) + f(b)).to_bits(),
        Binary::SubF64 => (f(a) - f(b)).to_bits(),
        Binary::MulF64 => (f(a) * f(b)).to_bits(),
        Binary::DivF64 => (f(a) / f(b)).to_bits(),
        // The other one if one is no number.
        Binary::MaxF64 => f(a).max(f(b)).to_bits(),
        _ => unreachable!("{op:?} is one of the short ones"),
    }
}

pub fn three(op: Ternary, [a, b, c]: [u64; 3]) -> u64 {
    match op {
        Ternary::FmaF64 => f(a).mul_add(f(b), f(c)).to_bits(),
        Ternary::FmaF32 => f32_of(a).mul_add(f32_of(b), f32_of(c)).to_bits().into(),
        Ternary::Mad32 => (a as u32).wrapping_mul(b as u32).wrapping_add(c as u32).into(),
        Ternary::Mad64 => a.wrapping_mul(b).wrapping_add(c),
        Ternary::Field32 => {
            let len = (c as u32 & 0xff).min(32);
            let bits = u64::from(a as u32).checked_shr(b as u32 & 0xff).unwrap_or(0);
            bits & ((1u64 << len) - 1)
        }
        Ternary::Select => {
            if c != 0 {
                a
            } else {
                b
            }
        }
    }
}
