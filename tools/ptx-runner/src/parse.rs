//! From the text of an entry to its instructions.

use crate::PtxError;
use crate::op::{Binary, CTAID, Kernel, NTID, Op, Place, Reg, SINK, Space, TID, Ternary, Unary};
use std::collections::HashMap;

/// A statement and the line that it begins in.
struct Statement {
    line: u32,
    text: String,
}

impl Statement {
    fn unknown(&self) -> PtxError {
        PtxError::Unknown { line: self.line, text: self.text.clone() }
    }
}

impl Kernel {
    /// Reads one entry of a module. Others may hold what is not known here.
    pub fn parse(module: &str, name: &str) -> Result<Kernel, PtxError> {
        let statements = statements(module, name).ok_or_else(|| PtxError::NoEntry(name.to_owned()))?;
        let mut reader = Reader::default();
        for register in ["%tid.x", "%ntid.x", "%ctaid.x", "_"] {
            reader.register(register);
        }
        debug_assert_eq!([TID, NTID, CTAID, SINK], [0, 1, 2, 3]);
        for statement in &statements {
            reader.statement(statement)?;
        }
        reader.finish()
    }
}

/// What stands between the braces of an entry, without declarations and comments; labels end with a colon.
fn statements(module: &str, name: &str) -> Option<Vec<Statement>> {
    let is_head = |line: &str| {
        line.strip_prefix(".visible .entry ")
            .and_then(|rest| rest.strip_prefix(name))
            .is_some_and(|r| r.starts_with('('))
    };
    let mut lines = (1..).zip(module.lines().map(str::trim)).skip_while(|(_, line)| !is_head(line));
    lines.next()?;
    let body = lines.skip_while(|(_, line)| *line != "{").skip(1).take_while(|(_, line)| *line != "}");
    let (mut found, mut text, mut begun) = (Vec::new(), String::new(), 0);
    for (line, content) in body {
        let content = content.split("//").next().unwrap_or_default().trim();
        // A block of inline assembly with a register of its own, in one line.
        let content = content.strip_prefix('{').map_or(content, |c| c.trim_end_matches('}'));
        for part in content.split_inclusive([';', ':']) {
            if text.is_empty() {
                begun = line;
            }
            text.push_str(part);
            text.push(' ');
            let whole = text.trim();
            if whole.ends_with(':') || whole.ends_with(';') {
                let statement = whole.trim_end_matches(';').trim();
                if !statement.is_empty() && !statement.starts_with(".reg") && !statement.starts_with(".pragma") {
                    found.push(Statement { line: begun, text: statement.to_owned() });
                }
                text.clear();
            } else if whole.is_empty() {
                text.clear();
            }
        }
    }
    Some(found)
}

/// Operands, which commas part that stand in no brackets.
fn operands(text: &str) -> Vec<&str> {
    let (mut found, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            ',' if depth == 0 => {
                found.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(text[start..].trim());
    found.retain(|operand| !operand.is_empty());
    found
}

#[derive(Default)]
struct Reader {
    registers: HashMap<String, Reg>,
    constants: Vec<(Reg, u64)>,
    ops: Vec<Op>,
    lines: Vec<u32>,
    /// Where labels are.
    labels: HashMap<String, u32>,
    /// Jumps whose labels may not have come yet.
    jumps: Vec<(u32, String)>,
    tables: Vec<Vec<String>>,
    names_of_tables: HashMap<String, u32>,
}

impl Reader {
    fn register(&mut self, name: &str) -> Reg {
        let next = self.registers.len() as Reg;
        *self.registers.entry(name.to_owned()).or_insert(next)
    }

    /// A register, or a constant in a register of its own.
    fn value(&mut self, text: &str) -> Option<Reg> {
        if text.starts_with('%') || text == "_" {
            return Some(self.register(text));
        }
        let value = if let Some(bits) = text.strip_prefix("0d").or(text.strip_prefix("0f")) {
            u64::from_str_radix(bits, 16).ok()?
        } else if let Some(bits) = text.strip_prefix("0x") {
            u64::from_str_radix(bits, 16).ok()?
        } else if text.ends_with("_mem") {
            // The one variable: dynamic shared memory, which begins at zero.
            0
        } else {
            text.parse::<i64>().map(|n| n as u64).or_else(|_| text.parse()).ok()?
        };
        let register = self.register(&format!("constant {value}"));
        if !self.constants.contains(&(register, value)) {
            self.constants.push((register, value));
        }
        Some(register)
    }

    fn place(&mut self, text: &str) -> Option<Place> {
        let inner = text.strip_prefix('[')?.strip_suffix(']')?;
        let (base, offset) = inner.split_once('+').unwrap_or((inner, "0"));
        Some(Place { base: self.value(base.trim())?, offset: offset.trim().parse().ok()? })
    }

    /// One value, or the two in braces.
    fn values(&mut self, text: &str) -> Option<([Reg; 2], u8)> {
        let Some(inner) = text.strip_prefix('{') else { return Some(([self.value(text)?, SINK], 1)) };
        let (first, second) = inner.strip_suffix('}')?.split_once(',')?;
        Some(([self.value(first.trim())?, self.value(second.trim())?], 2))
    }

    fn statement(&mut self, statement: &Statement) -> Result<(), PtxError> {
        let text = statement.text.as_str();
        if let Some(label) = text.strip_suffix(':') {
            self.labels.insert(label.to_owned(), self.ops.len() as u32);
            return Ok(());
        }
        if let Some(targets) = text.strip_prefix(".branchtargets") {
            // It has the label that came last, which is no place to go to.
            let here = self.ops.len() as u32;
            let label = self.labels.iter().find(|(name, at)| **at == here && name.contains("brx"));
            let label = label.map(|(name, _)| name.clone()).ok_or_else(|| statement.unknown())?;
            self.names_of_tables.insert(label, self.tables.len() as u32);
            self.tables.push(operands(targets).into_iter().map(str::to_owned).collect());
            return Ok(());
        }
        let op = self.op(text).ok_or_else(|| statement.unknown())?;
        self.ops.push(op);
        self.lines.push(statement.line);
        Ok(())
    }

    fn op(&mut self, text: &str) -> Option<Op> {
        if let Some(rest) = text.strip_prefix('@') {
            let (predicate, rest) = rest.split_once(char::is_whitespace)?;
            let label = rest.trim().strip_prefix("bra")?.trim();
            let name = predicate.trim_start_matches('!');
            self.jumps.push((self.ops.len() as u32, label.to_owned()));
            let predicate_register = self.value(name)?;
            return Some(Op::JumpIf { predicate: predicate_register, is_wanted: name == predicate, to: 0 });
        }
        let (code, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let operands = operands(rest);
        match (code, &operands[..]) {
            ("ret", []) => Some(Op::Return),
            ("bar.sync", ["0"]) => Some(Op::Barrier),
            ("bra" | "bra.uni", [label]) => {
                self.jumps.push((self.ops.len() as u32, (*label).to_owned()));
                Some(Op::Jump(0))
            }
            ("brx.idx", [index, table]) => {
                let table = *self.names_of_tables.get(*table)?;
                Some(Op::JumpTable { index: self.value(index)?, table })
            }
            // All threads of the warp take part.
            ("shfl.sync.bfly.b32", [d, of, mask, "31", "-1"]) => {
                Some(Op::Shuffle { d: self.value(d)?, of: self.value(of)?, mask: self.value(mask)? })
            }
            ("atom.relaxed.gpu.global.add.u32", [d, at, of]) => {
                Some(Op::AtomicAdd { d: self.value(d)?, at: self.place(at)?, of: self.value(of)? })
            }
            ("red.relaxed.gpu.global.min.u32", [at, of]) => {
                Some(Op::AtomicMin { at: self.place(at)?, of: self.value(of)? })
            }
            _ if code.starts_with("ld.param.") => {
                let offset = operands[1].strip_suffix(']')?.rsplit_once('+').map_or("0", |(_, offset)| offset);
                let (d, is_long) = (self.value(operands[0])?, is_long(code)?);
                Some(Op::Parameter { d, offset: offset.parse().ok()?, is_long })
            }
            (_, [first, second]) if code.starts_with("ld.") => {
                let (d, n) = self.values(first)?;
                Some(Op::Load { space: space(code)?, is_long: is_long(code)?, d, n, from: self.place(second)? })
            }
            (_, [first, second]) if code.starts_with("st.") => {
                let (of, n) = self.values(second)?;
                Some(Op::Store { space: space(code)?, is_long: is_long(code)?, of, n, to: self.place(first)? })
            }
            ("mov.b64", [d, pair]) if pair.starts_with('{') => {
                let ([low, high], _) = self.values(pair)?;
                Some(Op::Two(Binary::Pack, self.value(d)?, low, high))
            }
            ("mov.b64", [pair, a]) if pair.starts_with('{') => {
                match pair.strip_prefix('{')?.strip_suffix('}')?.split_once(',')? {
                    ("_" | "tmp", high) => Some(Op::One(Unary::High32, self.value(high.trim())?, self.value(a)?)),
                    (low, rest) if rest.trim() == "_" => Some(Op::One(Unary::Low32, self.value(low)?, self.value(a)?)),
                    _ => None,
                }
            }
            (_, [d, values @ ..]) => self.computed(code, d, values),
            _ => None,
        }
    }

    fn computed(&mut self, code: &str, d: &str, values: &[&str]) -> Option<Op> {
        let d = self.value(d)?;
        match *values {
            [a] => Some(Op::One(unary(code)?, d, self.value(a)?)),
            [a, b] => Some(Op::Two(binary(code)?, d, self.value(a)?, self.value(b)?)),
            [a, b, c] => Some(Op::Three(ternary(code)?, d, [self.value(a)?, self.value(b)?, self.value(c)?])),
            _ => None,
        }
    }

    /// Puts the places of labels where they are wanted.
    fn finish(mut self) -> Result<Kernel, PtxError> {
        let place = |label: &String| {
            self.labels.get(label).copied().ok_or_else(|| PtxError::Unknown { line: 0, text: label.clone() })
        };
        for (at, label) in &self.jumps {
            let place = place(label)?;
            match &mut self.ops[*at as usize] {
                Op::Jump(to) | Op::JumpIf { to, .. } => *to = place,
                _ => {}
            }
        }
        let tables: Result<Vec<Vec<u32>>, PtxError> =
            self.tables.iter().map(|table| table.iter().map(place).collect()).collect();
        // The index must fit, and there is one that no register has.
        if self.registers.len() >= usize::from(Reg::MAX) {
            return Err(PtxError::Unknown { line: 0, text: format!("{} registers", self.registers.len()) });
        }
        Ok(Kernel {
            tables: tables?,
            ops: self.ops,
            lines: self.lines,
            n_registers: self.registers.len(),
            constants: self.constants,
        })
    }
}

fn is_long(code: &str) -> Option<bool> {
    match code.rsplit('.').next()? {
        "b64" | "f64" | "u64" => Some(true),
        "b32" | "u32" => Some(false),
        _ => None,
    }
}

fn space(code: &str) -> Option<Space> {
    let words: Vec<&str> = code.split('.').skip(1).collect();
    match words[..] {
        ["shared", _] | ["shared", "v2", _] => Some(Space::Shared),
        // What has no space named is global here: shared memory's address is never taken.
        [_] | ["v2", _] | ["global", _] | ["global", "v2", _] => Some(Space::Global),
        ["global", "nc", _] | ["global", "nc", "v2", _] => Some(Space::Constant),
        ["relaxed", "gpu" | "sys", "global", _] => Some(Space::Atomic),
        _ => None,
    }
}

fn unary(code: &str) -> Option<Unary> {
    Some(match code {
        "mov.b64" | "mov.pred" | "cvta.to.global.u64" => Unary::Same,
        "mov.b32" | "mov.u32" | "cvt.u64.u32" | "cvt.u32.u64" => Unary::Low32,
        "not.b32" => Unary::Not32,
        "not.pred" => Unary::NotPred,
        "neg.s32" => Unary::Neg32,
        "neg.f64" => Unary::NegF64,
        "abs.f64" => Unary::AbsF64,
        "sqrt.rn.f64" => Unary::SqrtF64,
        "rcp.rn.f64" => Unary::InverseF64,
        "cvt.rn.f64.u32" => Unary::F64OfU32,
        "cvt.rn.f32.u32" => Unary::F32OfU32,
        _ => return None,
    })
}

fn binary(code: &str) -> Option<Binary> {
    Some(match code {
        "add.s32" => Binary::Add32,
        "sub.s32" => Binary::Sub32,
        "mul.lo.s32" => Binary::Mul32,
        "div.u32" => Binary::Div32,
        "rem.u32" => Binary::Rem32,
        "and.b32" | "and.pred" => Binary::And32,
        "or.b32" | "or.pred" => Binary::Or32,
        "xor.b32" | "xor.pred" => Binary::Xor32,
        "max.u32" => Binary::Max32,
        "min.u32" => Binary::Min32,
        "shl.b32" => Binary::Shl32,
        "shr.u32" => Binary::Shr32,
        "add.s64" => Binary::Add64,
        "mul.lo.s64" => Binary::Mul64,
        "and.b64" => Binary::And64,
        "or.b64" => Binary::Or64,
        "xor.b64" => Binary::Xor64,
        "max.s64" => Binary::MaxS64,
        "shl.b64" => Binary::Shl64,
        "shr.u64" => Binary::Shr64,
        "mul.wide.u32" => Binary::MulWide,
        "add.rn.f64" => Binary::AddF64,
        "sub.rn.f64" => Binary::SubF64,
        "mul.rn.f64" => Binary::MulF64,
        "div.rn.f64" => Binary::DivF64,
        "max.f64" => Binary::MaxF64,
        "add.rn.f32" => Binary::AddF32,
        _ => return comparison(code.strip_prefix("setp.")?),
    })
}

fn comparison(code: &str) -> Option<Binary> {
    Some(match code {
        "eq.b32" => Binary::Eq32,
        "ne.b32" => Binary::Ne32,
        "lt.u32" => Binary::Lt32,
        "le.u32" => Binary::Le32,
        "gt.u32" => Binary::Gt32,
        "ge.u32" => Binary::Ge32,
        "eq.b64" => Binary::Eq64,
        "ne.b64" => Binary::Ne64,
        "gt.s64" => Binary::GtS64,
        "eq.f64" => Binary::EqF64,
        "ne.f64" => Binary::NeF64,
        "lt.f64" => Binary::LtF64,
        "le.f64" => Binary::LeF64,
        "gt.f64" => Binary::GtF64,
        "ge.f64" => Binary::GeF64,
        "equ.f64" => Binary::EqUnordered,
        "ltu.f64" => Binary::LtUnordered,
        "leu.f64" => Binary::LeUnordered,
        "gtu.f64" => Binary::GtUnordered,
        "geu.f64" => Binary::GeUnordered,
        _ => return None,
    })
}

fn ternary(code: &str) -> Option<Ternary> {
    Some(match code {
        "fma.rn.f64" => Ternary::FmaF64,
        "fma.rn.f32" => Ternary::FmaF32,
        "mad.lo.s32" => Ternary::Mad32,
        "mad.lo.s64" => Ternary::Mad64,
        "bfe.u32" => Ternary::Field32,
        "selp.f64" | "selp.b64" | "selp.b32" => Ternary::Select,
        _ => return None,
    })
}
