use super::Named;
use super::argument::{Outcome, at_least_one, exactly, fault, float, to_float, to_whole, whole};
use gtmpl_ng::{Func, FuncError, Value};

/// The most numbers that `until`, `untilStep` and `seq` make.
const MAX_NUMBERS: usize = 10_000;

/// Functions of numbers.
pub(super) const FUNCTIONS: &[Named] = &[
    ("add", |a| Ok(a.iter().map(to_whole).fold(0, i64::wrapping_add).into())),
    ("add1", |a| exactly(a).map(|[number]| to_whole(number).wrapping_add(1).into())),
    ("atoi", |a| exactly(a).map(|[value]| value.to_string().parse().unwrap_or(0i64).into())),
    ("biggest", MAX),
    ("ceil", |a| exactly(a).map(|[number]| float(to_float(number).ceil()))),
    ("div", |a| divided(a, i64::checked_div)),
    ("float64", |a| exactly(a).map(|[number]| float(to_float(number)))),
    ("floor", |a| exactly(a).map(|[number]| float(to_float(number).floor()))),
    ("int", WHOLE),
    ("int64", WHOLE),
    ("max", MAX),
    ("maxf", |a| folded(a, f64::max)),
    ("min", |a| {
        let (first, others) = at_least_one(a)?;
        Ok(others.iter().map(to_whole).fold(to_whole(first), i64::min).into())
    }),
    ("minf", |a| folded(a, f64::min)),
    ("mod", |a| divided(a, i64::checked_rem)),
    ("mul", |a| {
        let (first, others) = at_least_one(a)?;
        Ok(others.iter().map(to_whole).fold(to_whole(first), i64::wrapping_mul).into())
    }),
    ("round", |a| {
        let (number, more) = at_least_one(a)?;
        let power = 10f64.powi(i32::try_from(more.first().map_or(Ok(0), whole)?).unwrap_or(0));
        Ok(float((to_float(number) * power).round() / power))
    }),
    ("seq", |a| {
        let bounds = a.iter().map(whole).collect::<Result<Vec<_>, _>>()?;
        let toward = |start: i64, end: i64| if end < start { -1 } else { 1 };
        let (start, step, end) = match *bounds.as_slice() {
            [] => return Ok("".into()),
            [end] => (1, toward(1, end), end),
            [start, end] => (start, toward(start, end), end),
            [start, step, end] => (start, step, end),
            _ => return Err(fault("it takes three numbers at most")),
        };
        if step == 0 || (step < 0) != (end < start) && end != start {
            return Ok("".into());
        }
        let numbers = stepped(start, end.saturating_add(step.signum()), step)?;
        Ok(numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(" ").into())
    }),
    ("sub", |a| exactly(a).map(|[from, number]| to_whole(from).wrapping_sub(to_whole(number)).into())),
    ("until", |a| {
        let [count] = exactly(a)?;
        let count = whole(count)?;
        Ok(Value::Array(stepped(0, count, count.signum())?.into_iter().map(Value::from).collect()))
    }),
    ("untilStep", |a| {
        let [start, stop, step] = exactly(a)?;
        Ok(Value::Array(stepped(whole(start)?, whole(stop)?, whole(step)?)?.into_iter().map(Value::from).collect()))
    }),
];

const WHOLE: Func = |a| exactly(a).map(|[value]| to_whole(value).into());

const MAX: Func = |a| {
    let (first, others) = at_least_one(a)?;
    Ok(others.iter().map(to_whole).fold(to_whole(first), i64::max).into())
};

fn divided(arguments: &[Value], by: fn(i64, i64) -> Option<i64>) -> Outcome {
    let [number, divisor] = exactly(arguments)?;
    Ok(by(to_whole(number), to_whole(divisor)).ok_or_else(|| fault("it cannot divide by zero"))?.into())
}

fn folded(arguments: &[Value], choose: fn(f64, f64) -> f64) -> Outcome {
    let (first, others) = at_least_one(arguments)?;
    Ok(float(others.iter().map(to_float).fold(to_float(first), choose)))
}

/// The numbers from `start` up to but without `stop`; none if the step leads away from it.
fn stepped(start: i64, stop: i64, step: i64) -> Result<Vec<i64>, FuncError> {
    let goes_on = |number: &i64| if step < 0 { *number > stop } else { step > 0 && *number < stop };
    let numbers: Vec<_> = std::iter::successors(Some(start), |number| number.checked_add(step))
        .take_while(goes_on)
        .take(MAX_NUMBERS + 1)
        .collect();
    if numbers.len() > MAX_NUMBERS {
        return Err(fault(format!("it makes {MAX_NUMBERS} numbers at most")));
    }
    Ok(numbers)
}
