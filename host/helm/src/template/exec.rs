//! Executes templates.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng as _, SeedableRng as _};

use super::node::{Binding, Branch, Callee, Expr, Node, Pipe, Span};
use super::{Failure, Outcome, Parsed, Template, TemplateSet, field};
use crate::functions::Call;
use crate::limits::{TEXT_BYTES, Usage, count, than};
use crate::value::{Text, Value, display, strval};
use crate::{Entropy, Limits};

/// What all templates of one rendering share.
pub(crate) struct Engine<'a> {
    pub(crate) limits: &'a Limits,
    entropy: Entropy,
    random: RefCell<ChaCha20Rng>,
    /// Whether a random or clock function was used.
    pub(crate) volatile: Cell<bool>,
    rsa_keys: Cell<usize>,
    password_hashes: Cell<usize>,
    pub(crate) regexes: RefCell<HashMap<Text, regex::Regex>>,
    steps: Cell<u64>,
    levels: Cell<usize>,
    output: Cell<usize>,
    includes: RefCell<Vec<Text>>,
    /// The most so far of what goes up and down again.
    peaks: Cell<Peaks>,
}

#[derive(Clone, Copy, Default)]
struct Peaks {
    levels: usize,
    includes: usize,
    range: usize,
    text: usize,
}

impl<'a> Engine<'a> {
    pub(crate) fn new(limits: &'a Limits, entropy: Entropy) -> Self {
        Self {
            limits,
            entropy,
            random: RefCell::new(ChaCha20Rng::from_seed(entropy.seed.0)),
            volatile: Cell::new(false),
            rsa_keys: Cell::new(0),
            password_hashes: Cell::new(0),
            regexes: RefCell::default(),
            steps: Cell::new(0),
            levels: Cell::new(0),
            output: Cell::new(0),
            includes: RefCell::default(),
            peaks: Cell::default(),
        }
    }

    /// What was taken so far.
    pub(crate) fn usage(&self) -> Usage {
        let peaks = self.peaks.get();
        Usage {
            template_steps: self.steps.get(),
            evaluation_depth: count(peaks.levels),
            include_depth: count(peaks.includes),
            range_items: count(peaks.range),
            output_bytes: count(self.output.get().max(peaks.text)),
            rsa_keys: count(self.rsa_keys.get()),
            password_hashes: count(self.password_hashes.get()),
            ..Usage::default()
        }
    }

    fn peak(&self, change: impl FnOnce(&mut Peaks)) {
        let mut peaks = self.peaks.get();
        change(&mut peaks);
        self.peaks.set(peaks);
    }

    /// Counts work: one for each evaluation, more for those that make or read much.
    pub(crate) fn spend(&self, steps: usize) -> Outcome<()> {
        self.steps.set(self.steps.get().saturating_add(steps as u64));
        if self.steps.get() > self.limits.template_steps {
            return Err(Failure::limit("templates take more steps", "template_steps", self.limits.template_steps));
        }
        Ok(())
    }

    /// Lends the source of random numbers, and marks the rendering as volatile.
    pub(crate) fn with_random<T>(&self, draw: impl FnOnce(&mut ChaCha20Rng) -> T) -> T {
        self.volatile.set(true);
        draw(&mut self.random.borrow_mut())
    }

    /// Random bytes.
    pub(crate) fn random_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.with_random(|random| random.fill_bytes(&mut bytes));
        bytes
    }

    /// The time in seconds since 1970; the rendering is volatile from then on.
    pub(crate) fn clock(&self) -> i64 {
        self.volatile.set(true);
        self.entropy.now
    }

    /// Counts an RSA key, in what one of 2,048 bits costs.
    pub(crate) fn count_rsa_keys(&self, cost: usize) -> Outcome<()> {
        self.rsa_keys.set(self.rsa_keys.get().saturating_add(cost));
        let most = self.limits.rsa_keys;
        if self.rsa_keys.get() <= most {
            return Ok(());
        }
        Err(Failure::limit("templates make more RSA keys", "rsa_keys", most))
    }

    /// Counts a hash of a password, which is slow on purpose.
    pub(crate) fn count_password_hash(&self) -> Outcome<()> {
        self.password_hashes.set(self.password_hashes.get() + 1);
        let most = self.limits.password_hashes;
        if self.password_hashes.get() <= most {
            return Ok(());
        }
        Err(Failure::limit("templates hash more passwords", "password_hashes", most))
    }

    /// Refuses a text of a function that is over the limit on output.
    pub(crate) fn check_text(&self, bytes: usize) -> Outcome<()> {
        self.peak(|peaks| peaks.text = peaks.text.max(bytes));
        let most = self.limits.output_bytes.min(TEXT_BYTES);
        if bytes <= most { Ok(()) } else { Err(Failure::limit("makes a text of more bytes", "output_bytes", most)) }
    }

    fn enter(&self) -> Outcome<()> {
        let levels = self.levels.get() + 1;
        self.levels.set(levels);
        self.peak(|peaks| peaks.levels = peaks.levels.max(levels));
        let most = self.limits.evaluation_depth;
        if levels <= most {
            return Ok(());
        }
        Err(Failure::limit("templates nest evaluations deeper", "evaluation_depth", most))
    }

    fn leave(&self) {
        self.levels.set(self.levels.get().saturating_sub(1));
    }
}

/// How a list of statements ended.
#[derive(PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

/// The execution of one template.
pub(crate) struct Exec<'a> {
    pub(crate) engine: &'a Engine<'a>,
    set: Rc<TemplateSet>,
    file: &'a Text,
    parsed: &'a Parsed,
    out: String,
    variables: Vec<(&'a str, Slot)>,
    /// Whether the dot is an item of a `range`.
    dot: Origin,
}

/// What a variable holds.
#[derive(Clone)]
struct Slot {
    value: Value,
    origin: Origin,
}

/// Where a value comes from. To Go, a nil that is an item of a list or map has a type, and taking a field of it is an
/// error; a nil that came through a pipeline has none, and all fields of it are nil.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Pipeline,
    Item,
}

impl<'a> Exec<'a> {
    /// Executes the template of this name and gives its output.
    pub(crate) fn run(engine: &Engine<'_>, set: &Rc<TemplateSet>, name: &str, data: Value) -> Outcome<String> {
        Exec::run_body(engine, set, &set.find(name)?, data)
    }

    fn run_body(engine: &Engine<'_>, set: &Rc<TemplateSet>, template: &Template, data: Value) -> Outcome<String> {
        let mut exec = Exec {
            engine,
            set: Rc::clone(set),
            file: &template.file,
            parsed: &template.parsed,
            out: String::new(),
            variables: vec![("$", Slot { value: data.clone(), origin: Origin::Pipeline })],
            dot: Origin::Pipeline,
        };
        exec.list(template.body, &data)?;
        Ok(exec.out)
    }

    /// Executes a template inside another, and refuses loops with the chain of names.
    pub(crate) fn include(&self, name: &Text, data: Value) -> Outcome<String> {
        self.inside(name, || Exec::run(self.engine, &self.set, name, data))
    }

    /// Executes a text that is a template. What it defines is seen by itself only.
    pub(crate) fn tpl(&self, name: &Text, parsed: Parsed, data: Value) -> Outcome<String> {
        let parsed = Arc::new(parsed);
        let Some((body, definitions)) = parsed.definitions.split_last() else { return Ok(String::new()) };
        let set = if definitions.is_empty() {
            Rc::clone(&self.set)
        } else {
            let mut set = TemplateSet::within(&self.set);
            set.add(name, &parsed, definitions);
            Rc::new(set)
        };
        let template = Template { file: Text::clone(name), parsed: Arc::clone(&parsed), body: body.body };
        self.inside(name, || Exec::run_body(self.engine, &set, &template, data))
    }

    /// A failure to parse the text of `tpl`.
    pub(crate) fn unparsed(&self, name: &Text, failure: Box<Failure>) -> Box<Failure> {
        failure.in_file(name).included(name, self.file)
    }

    fn inside(&self, name: &Text, run: impl FnOnce() -> Outcome<String>) -> Outcome<String> {
        self.engine.includes.borrow_mut().push(name.clone());
        let depth = self.engine.includes.borrow().len();
        self.engine.peak(|peaks| peaks.includes = peaks.includes.max(depth));
        let result = if depth > self.engine.limits.include_depth { Err(self.loop_of_includes()) } else { run() };
        // Without a place it happened here: there are too many includes.
        let result = result.map_err(|failure| match failure.file {
            Some(_) => failure.included(name, self.file),
            None => failure,
        });
        self.engine.includes.borrow_mut().pop();
        result
    }

    fn loop_of_includes(&self) -> Box<Failure> {
        let names = self.engine.includes.borrow();
        // The last names up to the point where they repeat are the loop.
        let last = names.last().cloned();
        let mut tail: Vec<&str> = Vec::new();
        for name in names.iter().rev() {
            tail.push(name);
            if tail.len() > 1 && Some(name) == last.as_ref() || tail.len() > 10 {
                break;
            }
        }
        tail.reverse();
        let than = than("include_depth", self.engine.limits.include_depth);
        Failure::new(format!("templates include one another deeper {than}: {}", tail.join(" → ")))
    }

    /// Adds where in this template a failure happened, given the byte.
    fn located(&self, failure: Box<Failure>, at: u32) -> Box<Failure> {
        failure.at(self.file, self.parsed.line(at))
    }

    fn list(&mut self, nodes: Span<Node>, dot: &Value) -> Outcome<Flow> {
        self.engine.enter()?;
        let mut flow = Flow::On;
        for node in self.parsed.nodes(nodes) {
            flow = self.node(node, dot)?;
            if flow != Flow::On {
                break;
            }
        }
        self.engine.leave();
        Ok(flow)
    }

    fn node(&mut self, node: &'a Node, dot: &Value) -> Outcome<Flow> {
        self.engine.spend(1)?;
        match node {
            Node::Text(text) => self.print(self.parsed.text(*text))?,
            Node::Action(pipe) => {
                let value = self.pipe(pipe, dot)?;
                if pipe.variables.is_empty() {
                    let printed = match &value {
                        Value::Nil => self.print("<no value>"),
                        Value::Text(text) => self.print(text),
                        other => self.print(&display(other)),
                    };
                    printed.map_err(|failure| self.located(failure, pipe.at))?;
                }
            }
            Node::If(branch) => {
                let scope = self.variables.len();
                let truth = self.pipe(&branch.pipe, dot)?.truth();
                let flow = self.list(if truth { branch.then } else { branch.otherwise }, dot);
                self.variables.truncate(scope);
                return flow;
            }
            Node::With(branch) => {
                let scope = self.variables.len();
                let value = self.pipe(&branch.pipe, dot)?;
                let flow = if value.truth() {
                    let outer = std::mem::replace(&mut self.dot, Origin::Pipeline);
                    let flow = self.list(branch.then, &value);
                    self.dot = outer;
                    flow
                } else {
                    self.list(branch.otherwise, dot)
                };
                self.variables.truncate(scope);
                return flow;
            }
            Node::Range(branch) => return self.range(branch, dot),
            Node::Template { name, data, at } => {
                let data = data.as_ref().map_or(Ok(Value::Nil), |pipe| self.pipe(pipe, dot))?;
                let text = self.include(name, data).map_err(|failure| self.located(failure, *at))?;
                // The output of the template was counted where it was made.
                self.out.push_str(&text);
            }
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::On)
    }

    fn print(&mut self, text: &str) -> Outcome<()> {
        self.engine.output.set(self.engine.output.get().saturating_add(text.len()));
        let most = self.engine.limits.output_bytes.min(TEXT_BYTES);
        if self.engine.output.get() > most {
            return Err(Failure::limit("templates print more bytes", "output_bytes", most));
        }
        self.out.push_str(text);
        Ok(())
    }

    fn range(&mut self, branch: &'a Branch, dot: &Value) -> Outcome<Flow> {
        let scope = self.variables.len();
        let value = self.value(&branch.pipe, dot)?;
        let variables = self.parsed.names(branch.pipe.variables);
        let items = self.range_items(&value, variables.len());
        let items = items.map_err(|failure| self.located(failure, branch.pipe.at))?;
        if items.is_empty() {
            let flow = self.list(branch.otherwise, dot);
            self.variables.truncate(scope);
            return flow;
        }
        let inner = self.variables.len();
        let outer = std::mem::replace(&mut self.dot, Origin::Item);
        for (key, item) in items {
            let slot = |value: Value| Slot { value, origin: Origin::Item };
            match variables {
                [name] => self.bind(*name, slot(item.clone()), branch.pipe.binding),
                [first, second] => {
                    self.bind(*first, slot(key), branch.pipe.binding);
                    self.bind(*second, slot(item.clone()), branch.pipe.binding);
                }
                _ => {}
            }
            self.engine.spend(1)?;
            let flow = self.list(branch.then, &item)?;
            self.variables.truncate(inner);
            if flow == Flow::Break {
                break;
            }
        }
        self.dot = outer;
        self.variables.truncate(scope);
        Ok(Flow::On)
    }

    /// Keys and items in the order of a `range` with so many variables.
    fn range_items(&self, value: &Value, variables: usize) -> Outcome<Vec<(Value, Value)>> {
        Ok(match value {
            Value::Nil => Vec::new(),
            Value::Int(count) | Value::Int64(count) if variables > 1 => {
                return Err(Failure::new(format!("can't use {count} to iterate over more than one variable")));
            }
            Value::Int(count) | Value::Int64(count) => {
                let items = usize::try_from(*count).unwrap_or(0);
                self.engine.peak(|peaks| peaks.range = peaks.range.max(items));
                let most = self.engine.limits.range_items;
                if items > most {
                    return Err(Failure::limit("range takes more items of a number", "range_items", most));
                }
                let number = if matches!(value, Value::Int(_)) { Value::Int } else { Value::Int64 };
                (0..*count).map(|at| (Value::Nil, number(at))).collect()
            }
            Value::Uint64(count) => {
                return self.range_items(&Value::Int64(count.cast_signed()), variables).map(|mut items| {
                    items.iter_mut().for_each(|(_, item)| {
                        if let Value::Int64(at) = item {
                            *item = Value::Uint64(at.cast_unsigned());
                        }
                    });
                    items
                });
            }
            Value::Map(map) | Value::Values(map) => {
                map.0.borrow().iter().map(|(key, item)| (Value::Text(key.clone()), item.clone())).collect()
            }
            Value::Files(files) => files.iter().map(|(path, data)| (Value::text(path), Value::bytes(data))).collect(),
            other => {
                let wrong = || Failure::new(format!("range can't iterate over {}", strval(other)));
                let items = other.items().ok_or_else(wrong)?;
                items
                    .into_iter()
                    .enumerate()
                    .map(|(at, item)| (Value::Int(i64::try_from(at).unwrap_or(0)), item))
                    .collect()
            }
        })
    }

    fn bind(&mut self, name: Span<u8>, slot: Slot, binding: Binding) {
        let name = self.parsed.text(name);
        let existing = self.variables.iter_mut().rev().find(|(known, _)| *known == name);
        match (binding, existing) {
            (Binding::Assign, Some((_, known))) => *known = slot,
            _ => self.variables.push((name, slot)),
        }
    }

    /// Evaluates a pipe and binds its variable.
    fn pipe(&mut self, pipe: &'a Pipe, dot: &Value) -> Outcome<Value> {
        let value = self.value(pipe, dot)?;
        if let [name] = self.parsed.names(pipe.variables) {
            self.bind(*name, Slot { value: value.clone(), origin: Origin::Pipeline }, pipe.binding);
        }
        Ok(value)
    }

    fn value(&mut self, pipe: &'a Pipe, dot: &Value) -> Outcome<Value> {
        self.engine.enter()?;
        let mut value = None;
        for command in self.parsed.commands(pipe.commands) {
            let result = self.command(self.parsed.operands(*command), dot, value.take());
            value = Some(result.map_err(|failure| self.located(failure, pipe.at))?);
        }
        self.engine.leave();
        Ok(value.unwrap_or(Value::Nil))
    }

    fn command(&mut self, command: &'a [Expr], dot: &Value, last: Option<Value>) -> Outcome<Value> {
        self.engine.spend(1)?;
        let Some((first, rest)) = command.split_first() else { return Ok(Value::Nil) };
        match first {
            Expr::Function(name, callee) => self.call((*name, *callee), rest, dot, last),
            Expr::Field(names) => {
                let args = self.args(rest, dot, last)?;
                self.chain((dot, self.dot), *names, &args)
            }
            Expr::Variable(name, names) => {
                // What follows may change the variable, but not what it was.
                let Slot { value, origin } = self.variable(*name)?.clone();
                let args = self.args(rest, dot, last)?;
                if names.is_empty() { without_args(value, &args) } else { self.chain((&value, origin), *names, &args) }
            }
            Expr::Chain(base, names) => {
                let value = self.operand(base, dot)?;
                let args = self.args(rest, dot, last)?;
                self.chain((&value, Origin::Pipeline), *names, &args)
            }
            // Go takes it as an argument alone.
            Expr::Nil if rest.is_empty() && last.is_none() => Err(Failure::new("nil is not a command")),
            other => {
                let value = self.operand(other, dot)?;
                let args = self.args(rest, dot, last)?;
                without_args(value, &args)
            }
        }
    }

    fn args(&mut self, operands: &'a [Expr], dot: &Value, last: Option<Value>) -> Outcome<Vec<Value>> {
        let mut args = operands.iter().map(|operand| self.operand(operand, dot)).collect::<Outcome<Vec<_>>>()?;
        args.extend(last);
        Ok(args)
    }

    fn operand(&mut self, operand: &'a Expr, dot: &Value) -> Outcome<Value> {
        match operand {
            Expr::Dot => Ok(dot.clone()),
            Expr::Nil => Ok(Value::Nil),
            Expr::Constant(constant) => Ok(constant.into()),
            Expr::Field(names) => self.chain((dot, self.dot), *names, &[]),
            Expr::Variable(name, names) => {
                let Slot { value, origin } = self.variable(*name)?;
                self.chain((value, *origin), *names, &[])
            }
            Expr::Function(name, callee) => self.call((*name, *callee), &[], dot, None),
            Expr::Chain(base, names) => {
                let value = self.operand(base, dot)?;
                self.chain((&value, Origin::Pipeline), *names, &[])
            }
            Expr::Pipe(pipe) => self.pipe(pipe, dot),
        }
    }

    fn variable(&self, name: Span<u8>) -> Outcome<&Slot> {
        let name = self.parsed.text(name);
        let found = self.variables.iter().rev().find(|(known, _)| *known == name);
        found.map(|(_, slot)| slot).ok_or_else(|| Failure::new(format!("undefined variable: {name}")))
    }

    /// Goes down these fields; `args` are those of a method that is the last.
    fn chain(&self, (start, origin): (&Value, Origin), names: Span<Span<u8>>, args: &[Value]) -> Outcome<Value> {
        let Some((last, names)) = self.parsed.names(names).split_last() else { return Ok(start.clone()) };
        if matches!(start, Value::Nil) && origin == Origin::Pipeline {
            return Ok(Value::Nil);
        }
        let mut value = None;
        for name in names {
            value = Some(field(value.as_ref().unwrap_or(start), self.parsed.text(*name), &[])?);
        }
        field(value.as_ref().unwrap_or(start), self.parsed.text(*last), args)
    }

    fn call(
        &mut self,
        (name, callee): (Span<u8>, Callee),
        operands: &'a [Expr],
        dot: &Value,
        last: Option<Value>,
    ) -> Outcome<Value> {
        let result = match callee {
            Callee::And => self.decide(false, operands, dot, last),
            Callee::Or => self.decide(true, operands, dot, last),
            Callee::Native(function) => {
                let args = self.args(operands, dot, last)?;
                let typed_nils = self.typed_nils(operands, &args, dot);
                function(&mut Call { args, operands, exec: self, typed_nils }).and_then(|value| match &value {
                    Value::Text(text) => self.engine.check_text(text.len()).map(|()| value),
                    _ => Ok(value),
                })
            }
        };
        result.map_err(|failure| failure.in_function(self.parsed.text(name)))
    }

    /// Which of these arguments are nil as a field of something that is not.
    fn typed_nils(&self, operands: &[Expr], args: &[Value], dot: &Value) -> u64 {
        if !args.iter().any(|arg| matches!(arg, Value::Nil)) {
            return 0;
        }
        let typed = |(operand, value): (&Expr, &Value)| match operand {
            _ if !matches!(value, Value::Nil) => false,
            Expr::Field(_) => !matches!(dot, Value::Nil),
            Expr::Dot => self.dot == Origin::Item,
            Expr::Variable(name, names) => self.variable(*name).is_ok_and(|slot| match names.is_empty() {
                true => slot.origin == Origin::Item,
                false => !matches!(slot.value, Value::Nil),
            }),
            _ => false,
        };
        operands.iter().zip(args).take(64).enumerate().fold(0, |bits, (at, one)| bits | u64::from(typed(one)) << at)
    }

    /// Gives the first operand whose truth is this, else the last one.
    fn decide(&mut self, decides: bool, operands: &'a [Expr], dot: &Value, last: Option<Value>) -> Outcome<Value> {
        let mut value = None;
        for operand in operands {
            let next = self.operand(operand, dot)?;
            if next.truth() == decides {
                return Ok(next);
            }
            value = Some(next);
        }
        last.or(value).ok_or_else(|| Failure::new("wrong number of args: want at least 1 got 0"))
    }
}

fn without_args(value: Value, args: &[Value]) -> Outcome<Value> {
    if args.is_empty() { Ok(value) } else { Err(Failure::new("can't give argument to non-function")) }
}
