// Which class of colour a number falls into, and the numbers of a column as one array that is quick to walk.

// Returns the column as numbers, NaN where it is missing.
function numbersOf(column, n) {
  if (!column.numbers) {
    column.numbers = new Float64Array(n);
    for (let row = 0; row < n; row++) {
      const value = column.at(row);
      column.numbers[row] = value === null ? NaN : value;
    }
  }
  return column.numbers;
}

// From the lower border, below the next; the last class holds its upper border, and a missing number the look without borders.
function classifyNumbers(column, looks, classes, counts) {
  const numbers = numbersOf(column, classes.length);
  const borders = looks.filter((look) => look.from !== undefined).map((look) => look.from);
  const missing = looks.length - 1;
  for (let row = 0; row < classes.length; row++) {
    const value = numbers[row];
    let at = missing;
    if (value === value) for (at = borders.length - 1; at > 0 && value < borders[at]; ) at--;
    counts[(classes[row] = at)]++;
  }
}
