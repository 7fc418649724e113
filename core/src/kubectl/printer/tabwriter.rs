//! Columns of text as Go's text/tabwriter lays them out: a cell is what a tab ends, a column is a run of lines that
//! have a cell there, and the last text of a line belongs to no column.

/// Lays text out. Lines end in `\n`, cells in `\t`; a column is as wide as its widest cell plus `padding`, and at
/// least `min_width`.
pub fn align(text: &str, min_width: usize, padding: usize) -> String {
    let lines: Vec<Vec<&str>> = text.split('\n').map(|l| l.split('\t').collect()).collect();
    let mut out = String::new();
    let mut w = Layout { lines: &lines, min_width, padding, widths: vec![], out: &mut out };
    w.block(0, lines.len());
    out
}

/// The layout of `kubectl describe`.
pub fn describe(text: &str) -> String {
    align(text, 0, 2)
}

struct Layout<'a> {
    lines: &'a [Vec<&'a str>],
    min_width: usize,
    padding: usize,
    widths: Vec<usize>,
    out: &'a mut String,
}

impl Layout<'_> {
    fn block(&mut self, mut from: usize, to: usize) {
        let column = self.widths.len();
        let mut at = from;
        while at < to {
            if column + 1 >= self.lines[at].len() {
                at += 1;
                continue;
            }
            self.write(from, at);
            from = at;
            let mut width = self.min_width;
            while at < to && column + 1 < self.lines[at].len() {
                width = width.max(self.lines[at][column].chars().count() + self.padding);
                at += 1;
            }
            self.widths.push(width);
            self.block(from, at);
            self.widths.pop();
            from = at;
        }
        self.write(from, to);
    }

    fn write(&mut self, from: usize, to: usize) {
        for i in from..to {
            for (j, cell) in self.lines[i].iter().enumerate() {
                self.out.push_str(cell);
                if let Some(w) = self.widths.get(j) {
                    self.out.extend(std::iter::repeat_n(' ', w.saturating_sub(cell.chars().count())));
                }
            }
            if i + 1 < self.lines.len() {
                self.out.push('\n');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_end_where_cells_end() {
        assert_eq!(
            align("NAME\tREADY\ta\nlonger-name\t1\tb\n", 6, 3),
            "NAME          READY   a\nlonger-name   1       b\n"
        );
        assert_eq!(
            describe("Name:\tx\nC:\n  longer name:\ty\nL:\tz\n"),
            "Name:  x\nC:\n  longer name:  y\nL:              z\n"
        );
    }
}
