//! Functions and the types that they take and give, a line each: the name, then overloads as `target.arguments>result`.
//! A type is a letter: `b`ool, `i`nt, `u`int, `d`ouble, `s`tring, b`y`tes, `t`imestamp, s`p`an of time, `*` any, `0`
//! null, `T`ype, `A` and `B` any that are the same wherever they stand, `[x` a list, `{xy` a map, `?x` an optional; of
//! Kubernetes' own `q`uantity, u`r`l, `a`ddress, `c`idr, `v`ersion, `f`ormat, authori`z`er, checks of a `P`ath, a
//! `G`roup, a `R`esource, and a `D`ecision. (The overloads are those of cel-go and apiserver `pkg/cel/library`.)

use super::types::Ty;

const TABLE: &str = "
_+_ ii>i uu>u dd>d ss>s yy>y [A[A>[A tp>t pt>t pp>p
_-_ ii>i uu>u dd>d tt>p tp>t pp>p
_*_ ii>i uu>u dd>d
_/_ ii>i uu>u dd>d
_%_ ii>i uu>u
-_ i>i d>d
!_ b>b
_==_ AA>b
_!=_ AA>b
_<_ bb>b ii>b uu>b dd>b iu>b id>b ui>b ud>b di>b du>b ss>b yy>b tt>b pp>b
_<=_ bb>b ii>b uu>b dd>b iu>b id>b ui>b ud>b di>b du>b ss>b yy>b tt>b pp>b
_>_ bb>b ii>b uu>b dd>b iu>b id>b ui>b ud>b di>b du>b ss>b yy>b tt>b pp>b
_>=_ bb>b ii>b uu>b dd>b iu>b id>b ui>b ud>b di>b du>b ss>b yy>b tt>b pp>b
@in A[A>b A{AB>b
_[_] [Ai>A {ABA>B ?[Ai>?A ?{ABA>?B
_[?_] [Ai>?A {ABA>?B ?[Ai>?A ?{ABA>?B
_&&_ bb>b
_||_ bb>b
_?_:_ bAA>A
size s>i y>i [A>i {AB>i s.>i y.>i [A.>i {AB.>i
int i>i u>i d>i s>i t>i p>i
uint u>u i>u d>u s>u
double d>d i>d u>d s>d
string s>s i>s u>s d>s b>s y>s t>s p>s a>s c>s q>s r>s
bool b>b s>b
bytes y>y s>y
dyn A>*
type A>T
duration s>p p>p
timestamp s>t i>t t>t
matches ss>b s.s>b
startsWith s.s>b
endsWith s.s>b
contains s.s>b c.s>b c.a>b
getFullYear t.>i t.s>i
getMonth t.>i t.s>i
getDate t.>i t.s>i
getDayOfMonth t.>i t.s>i
getDayOfWeek t.>i t.s>i
getDayOfYear t.>i t.s>i
getHours t.>i t.s>i p.>i
getMinutes t.>i t.s>i p.>i
getSeconds t.>i t.s>i p.>i
getMilliseconds t.>i t.s>i p.>i
optional.of A>?A
optional.none >?A
optional.ofNonZeroValue A>?A
hasValue ?A.>b
value ?A.>A
or ?A.?A>?A
orValue ?A.A>A
isSorted [b.>b [i.>b [u.>b [d.>b [s.>b [y.>b [t.>b [p.>b
sum [i.>i [u.>u [d.>d [p.>p
min [b.>b [i.>i [u.>u [d.>d [s.>s [y.>y [t.>t [p.>p
max [b.>b [i.>i [u.>u [d.>d [s.>s [y.>y [t.>t [p.>p
lists.range i>[i
slice [A.ii>[A
flatten [A.>[* [A.i>[*
sort [A.>[A
distinct [A.>[A
indexOf [A.A>i s.s>i s.si>i
lastIndexOf [A.A>i s.s>i s.si>i
find s.s>s
findAll s.s>[s s.si>[s
charAt s.i>s
join [s.>s [s.s>s
lowerAscii s.>s
upperAscii s.>s
replace s.ss>s s.ssi>s
split s.s>[s s.si>[s
substring s.i>s s.ii>s
trim s.>s
reverse s.>s [A.>[A
format s.[*>s
strings.quote s>s
sets.contains [A[A>b
sets.equivalent [A[A>b
sets.intersects [A[A>b
url s>r
isURL s>b
getScheme r.>s
getHost r.>s
getHostname r.>s
getPort r.>s
getEscapedPath r.>s
getQuery r.>{s[s
ip s>a c.>a
isIP s>b
ip.isCanonical s>b
family a.>i
isUnspecified a.>b
isLoopback a.>b
isLinkLocalMulticast a.>b
isLinkLocalUnicast a.>b
isGlobalUnicast a.>b
cidr s>c
isCIDR s>b
containsIP c.s>b c.a>b
containsCIDR c.s>b c.c>b
masked c.>c
prefixLength c.>i
quantity s>q
isQuantity s>b
sign q.>i
isInteger q.>b
asInteger q.>i
asApproximateFloat q.>d
isGreaterThan q.q>b v.v>b
isLessThan q.q>b v.v>b
compareTo q.q>i v.v>i
add q.q>q q.i>q
sub q.q>q q.i>q
semver s>v sb>v
isSemver s>b sb>b
major v.>i
minor v.>i
patch v.>i
format.named s>?f
format.dns1123Label >f
format.dns1123Subdomain >f
format.dns1035Label >f
format.dns1123LabelPrefix >f
format.dns1123SubdomainPrefix >f
format.dns1035LabelPrefix >f
format.qualifiedName >f
format.labelValue >f
format.uri >f
format.uuid >f
format.byte >f
format.date >f
format.datetime >f
validate f.s>?[s
path z.s>P
group z.s>G
serviceAccount z.ss>z
resource G.s>R
subresource R.s>R
namespace R.s>R
name R.s>R
check P.s>D R.s>D
allowed D.>b
reason D.>s
errored D.>b
error D.>s
fieldSelector R.s>R
labelSelector R.s>R
jsonpatch.escapeKey s>s
";

/// One way to call a function.
pub(super) struct Overload {
    pub target: Option<Ty>,
    pub args: Vec<Ty>,
    pub result: Ty,
}

/// The ways to call a function; `A` and `B` are the variables 0 and 1. `None`: there is no such function.
pub(super) fn overloads(name: &str) -> Option<Vec<Overload>> {
    let line = TABLE.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(' '))?;
    Some(line.split(' ').filter_map(overload).collect())
}

/// The type of dates and of Kubernetes' own things by the names of conversion functions.
fn overload(text: &str) -> Option<Overload> {
    let (params, result) = text.rsplit_once('>')?;
    let (target, args) = match params.split_once('.') {
        Some((t, rest)) => (Some(ty(&mut t.chars())?), rest),
        None => (None, params),
    };
    let mut chars = args.chars();
    let mut list = vec![];
    while let Some(t) = ty(&mut chars) {
        list.push(t);
    }
    Some(Overload { target, args: list, result: ty(&mut result.chars())? })
}

fn ty(chars: &mut std::str::Chars<'_>) -> Option<Ty> {
    let named = |n: &str| Ty::Named(n.into());
    Some(match chars.next()? {
        'b' => Ty::Bool,
        'i' => Ty::Int,
        'u' => Ty::Uint,
        'd' => Ty::Double,
        's' => Ty::Str,
        'y' => Ty::Bytes,
        't' => Ty::Time,
        'p' => Ty::Span,
        '*' => Ty::Dyn,
        '0' => Ty::Null,
        'T' => Ty::Type,
        'A' => Ty::Var(0),
        'B' => Ty::Var(1),
        '[' => Ty::list(ty(chars)?),
        '{' => Ty::map(ty(chars)?, ty(chars)?),
        '?' => Ty::opt(ty(chars)?),
        'q' => named("kubernetes.Quantity"),
        'r' => named("kubernetes.URL"),
        'a' => named("net.IP"),
        'c' => named("net.CIDR"),
        'v' => named("kubernetes.Semver"),
        'f' => named("kubernetes.NamedFormat"),
        'z' => named("kubernetes.authorization.Authorizer"),
        'P' => named("kubernetes.authorization.PathCheck"),
        'G' => named("kubernetes.authorization.GroupCheck"),
        'R' => named("kubernetes.authorization.ResourceCheck"),
        'D' => named("kubernetes.authorization.Decision"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_line_is_understood() {
        for line in super::TABLE.lines().filter(|l| !l.is_empty()) {
            let (name, rest) = line.split_once(' ').unwrap();
            let all = super::overloads(name).unwrap();
            assert_eq!(all.len(), rest.split(' ').count(), "{line}");
        }
    }
}
