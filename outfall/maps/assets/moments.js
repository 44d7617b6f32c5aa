// When the rows of a layer were, sorted once; and the days, weeks or months a time axis is made of, in the reader's time zone.

const TIME_UNITS = ['hour', 'day', 'week', 'month'];
const MOST_STEPS = 1500;

// Returns {seconds by row (NaN where unknown), sorted, missing}. A date without a time of day is that day wherever it is read.
function momentsOf(layer) {
  if (layer.moments) return layer.moments;
  const column = layer.column[layer.time];
  const seconds = new Float64Array(layer.n);
  let known = 0;
  for (let row = 0; row < layer.n; row++) {
    const date = column.at(row);
    if (!date) { seconds[row] = NaN; continue; }
    seconds[row] = (column.day ? new Date(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()).getTime() : date.getTime()) / 1000;
    known++;
  }
  const sorted = seconds.filter((value) => value === value).sort();
  layer.moments = { seconds, sorted, missing: layer.n - known };
  return layer.moments;
}

// How many of a sorted list lie below a value.
function countBelow(sorted, value) {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function floorTo(unit, seconds) {
  const date = new Date(seconds * 1000);
  date.setMinutes(0, 0, 0);
  if (unit === 'hour') return date;
  date.setHours(0);
  if (unit === 'week') date.setDate(date.getDate() - ((date.getDay() + 6) % 7));
  if (unit === 'month') date.setDate(1);
  return date;
}

function nextEdge(unit, date) {
  const next = new Date(date);
  if (unit === 'hour') next.setTime(date.getTime() + 3600e3);
  else if (unit === 'month') next.setMonth(date.getMonth() + 1);
  else next.setDate(date.getDate() + (unit === 'week' ? 7 : 1));
  return next;
}

// Returns the borders of the steps from before the first moment to after the last, in seconds; days of 23 and 25 hours are days.
function edgesOf(unit, first, last) {
  const edges = [];
  let at = floorTo(unit, first);
  edges.push(at.getTime() / 1000);
  while (edges[edges.length - 1] <= last && edges.length <= MOST_STEPS + 1) {
    at = nextEdge(unit, at);
    edges.push(at.getTime() / 1000);
  }
  return edges;
}

const LENGTH_S = { hour: 3600, day: 86400, week: 604800, month: 2629800 };

const fitsUnit = (unit, first, last) => (last - first) / LENGTH_S[unit] < MOST_STEPS;

// A step that gives a dozen or so to a few hundred.
function unitFor(first, last, isDays) {
  const days = (last - first) / 86400;
  if (days < 2 && !isDays) return 'hour';
  return days <= 180 ? 'day' : days <= 3 * 365 ? 'week' : 'month';
}

// A stretch of time as people write it; the end is the last moment inside it.
function sayStretch(unit, from, to) {
  const start = new Date(from * 1000), end = new Date((unit === 'hour' ? to : to - 1) * 1000);
  const isOneYear = start.getFullYear() === end.getFullYear();
  const isOneDay = isOneYear && start.getMonth() === end.getMonth() && start.getDate() === end.getDate();
  const pad = (part) => String(part).padStart(2, '0');
  const hour = (date) => `${pad(date.getHours())}:${pad(date.getMinutes())}`;
  const zh = (date, hasYear) => `${hasYear ? `${date.getFullYear()}年` : ''}${date.getMonth() + 1}月${unit === 'month' ? '' : `${date.getDate()}日`}`;
  const en = (date, hasYear) => new Intl.DateTimeFormat('en-GB', { ...(hasYear ? { year: 'numeric' } : {}), month: 'short', ...(unit === 'month' ? {} : { day: 'numeric' }) }).format(date);
  if (unit === 'hour') {
    const day = app.lang === 'zh' ? zh : en;
    return `${day(start, true)} ${hour(start)} – ${isOneDay ? '' : `${day(end, !isOneYear)} `}${hour(end)}`;
  }
  if (isOneDay || (unit === 'month' && isOneYear && start.getMonth() === end.getMonth())) return (app.lang === 'zh' ? zh : en)(start, true);
  return app.lang === 'zh' ? `${zh(start, true)} – ${zh(end, !isOneYear)}` : `${en(start, !isOneYear)} – ${en(end, true)}`;
}

function zoneText(seconds) {
  return moment(new Date(seconds * 1000)).split(' ').pop();
}
