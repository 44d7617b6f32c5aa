// How a printed map is set: title, frame with grid, legend, scale, north and imprint, as shapes in millimetres.

const PAPERS = { A4: [210, 297], A3: [297, 420] };
const NICE = [1, 2, 2.5, 5, 10];

function niceScale(exact) {
  const power = 10 ** Math.floor(Math.log10(exact));
  return Math.round(NICE.find((part) => part * power >= exact * 0.999) * power);
}

function paperSize({ paper, isLandscape }) {
  const [short_, long] = PAPERS[paper];
  return isLandscape ? [long, short_] : [short_, long];
}

// Where the map lies on the paper.
function frameOf(options) {
  const [width, height] = paperSize(options);
  const isWide = width > height;
  const top = options.title || options.subtitle ? 25 : 14;
  return isWide ? { x: 14, y: top, w: width - 14 - 66, h: height - top - 25 } : { x: 14, y: top, w: width - 28, h: height - top - 76 };
}

let ruler = null;
function widthOf(text, size, weight) {
  ruler = ruler || el('canvas').getContext('2d');
  ruler.font = `${weight || 400} 100px ${FONT}`;
  return (ruler.measureText(text).width * size) / 100;
}

function clipped(text, size, weight, most) {
  let kept = [...String(text)];
  if (widthOf(kept.join(''), size, weight) <= most) return kept.join('');
  while (kept.length > 1 && widthOf(`${kept.join('')}…`, size, weight) > most) kept = kept.slice(0, -1);
  return `${kept.join('')}…`;
}

// Everything on the sheet but the map itself, as shapes.
function sceneOf(options, view, frame, notes) {
  const [width, height] = paperSize(options);
  const shapes = [];
  const text = (x, y, words, size, more) => shapes.push({ kind: 'text', x, y, text: words, size, anchor: 'start', weight: 400, colour: '#1d2b36', ...more });
  const rect = (x, y, w, h, fillColour, stroke, line) => shapes.push({ kind: 'rect', x, y, w, h, fill: fillColour || 'none', stroke: stroke || 'none', line: line || 0.2 });
  if (options.title) text(width / 2, options.subtitle ? 14.5 : 17, clipped(options.title, 6.6, 700, width - 30), 6.6, { anchor: 'middle', weight: 700, isSerif: true });
  if (options.subtitle) text(width / 2, 20, clipped(options.subtitle, 3.3, 400, width - 30), 3.3, { anchor: 'middle', colour: '#55626c' });
  if (options.grid !== 'none') gridOf(options, view, frame, shapes, text);
  rect(frame.x, frame.y, frame.w, frame.h, 'none', '#1d2b36', 0.45);
  northOf(frame, shapes, text);
  const isWide = width > height;
  const legend = isWide ? { x: width - 62, y: frame.y, w: 52, h: frame.h, columns: 1 } : { x: 14, y: frame.y + frame.h + 9, w: width - 28, h: 43, columns: 3 };
  legendOfPaper(shownClasses(view, options.isGrey), legend, shapes, text);
  footOf(options, view, { width, height, foot: height - 9 }, shapes, text, notes);
  return shapes;
}

function northOf(frame, shapes, text) {
  const x = frame.x + frame.w - 9, y = frame.y + 5;
  shapes.push({ kind: 'rect', x: x - 6, y: y - 2.5, w: 12, h: 18, fill: 'rgba(255,255,255,0.86)', stroke: 'none', line: 0 });
  shapes.push({ kind: 'shape', points: [[x, y], [x + 3.2, y + 9], [x, y + 7.2]], fill: '#1d2b36', stroke: '#1d2b36', line: 0.2 });
  shapes.push({ kind: 'shape', points: [[x, y], [x - 3.2, y + 9], [x, y + 7.2]], fill: '#ffffff', stroke: '#1d2b36', line: 0.2 });
  text(x, y + 13.2, say('north'), 3.4, { anchor: 'middle', weight: 700, isSerif: true });
}

// Ticks where round coordinates cross the frame, faint lines between them, and their figures outside.
function gridOf(options, view, frame, shapes, text) {
  const at = (u, v) => { const spot = turn(view.left + (view.right - view.left) * u, view.top + (view.bottom - view.top) * v); return options.grid === 'm' ? projected(spot.lng, spot.lat) : spot; };
  const value = (u, v, isEast) => { const spot = at(u, v); return options.grid === 'm' ? (isEast ? spot.east : spot.north) : (isEast ? spot.lng : spot.lat); };
  for (const isEast of [true, false]) {
    const most = isEast ? frame.w : frame.h;
    const span = Math.abs(value(1, 1, true) - value(0, 1, true)) / frame.w;
    const wanted = span * 42;
    const step = options.grid === 'm' ? niceScale(wanted) : STEPS.slice().reverse().find((size) => size >= wanted * 0.75) || 30;
    const crossings = (side) => {
      const found = [];
      const read = (k) => (isEast ? value(k / 200, side, true) : value(side, 1 - k / 200, false));
      let before = read(0);
      for (let k = 1; k <= 200; k++) {
        const after = read(k);
        for (let n = Math.ceil(Math.min(before, after) / step); n * step <= Math.max(before, after); n++) if (after !== before) found.push({ n, share: (k - 1 + (n * step - before) / (after - before)) / 200 });
        before = after;
      }
      return new Map(found.map((item) => [item.n, item.share]));
    };
    const [near, far] = [crossings(isEast ? 1 : 0), crossings(isEast ? 0 : 1)];
    for (const [n, share] of near) {
      const other = far.get(n);
      const place_ = (part, side) => (isEast ? [frame.x + part * frame.w, side ? frame.y : frame.y + frame.h] : [side ? frame.x + frame.w : frame.x, frame.y + (1 - part) * frame.h]);
      const [x, y] = place_(share, false);
      if (other !== undefined) { const [x1, y1] = place_(other, true); shapes.push({ kind: 'line', points: [[x, y], [x1, y1]], stroke: 'rgba(48,48,48,0.20)', line: 0.15 }); shapes.push({ kind: 'line', points: [[x1, y1], isEast ? [x1, y1 - 1.6] : [x1 + 1.6, y1]], stroke: '#1d2b36', line: 0.25 }); }
      shapes.push({ kind: 'line', points: [[x, y], isEast ? [x, y + 1.6] : [x - 1.6, y]], stroke: '#1d2b36', line: 0.25 });
      if (share * most < 8 || share * most > most - 8) continue;
      const words = options.grid === 'm' ? String(Math.round(n * step)) : degrees(n * step, step, isEast ? 'EW' : 'NS');
      if (isEast) text(x, y + 4.4, words, 2.3, { anchor: 'middle' });
      else text(x - 2.6, y, words, 2.3, { anchor: 'middle', turn: -90 });
    }
  }
}

function legendOfPaper(groups, box, shapes, text) {
  text(box.x, box.y + 4, say('legend'), 4, { weight: 700, isSerif: true });
  const column = box.w / box.columns;
  const rowMm = 5.1;
  let x = box.x, y = box.y + 10;
  const next = (needed) => {
    if (y + needed <= box.y + box.h) return true;
    if (x + column >= box.x + box.w - 1) return false;
    x += column;
    y = box.y + 10;
    return true;
  };
  let left = 0;
  for (const group of groups) {
    if (!next(group.rows.length ? 2 * rowMm : rowMm)) { left += group.rows.length || 1; continue; }
    text(x, y, clipped(group.title, 2.9, 700, column - 3), 2.9, { weight: 700, colour: '#55626c' });
    y += rowMm;
    for (const row of group.rows) {
      if (!next(0)) { left++; continue; }
      if (row.picture) shapes.push({ kind: 'picture', canvas: row.picture, x: x - 0.6, y: y - 3.9, w: 6.1, h: 5.2 });
      else shapes.push({ kind: 'rect', x: x + 0.2, y: y - 2.7, w: 4.6, h: 3, fill: row.colour, stroke: '#8d968f', line: 0.1 });
      text(x + 6.6, y, clipped(row.label, 2.8, 400, column - 9), 2.8);
      y += rowMm;
    }
    y += 1.2;
  }
  if (left) text(x, Math.min(y, box.y + box.h), say('print.more', left), 2.5, { colour: '#55626c' });
}

function footOf(options, view, page, shapes, text, notes) {
  const metre = 1000 / options.scaleNumber;
  const most = 46 / metre;
  const power = 10 ** Math.floor(Math.log10(most));
  const length = [5, 2, 1].map((part) => part * power).find((part) => part <= most) || power;
  const bar = (length * metre) / 4, x = 14, y = page.foot - 3.4;
  for (let k = 0; k < 4; k++) shapes.push({ kind: 'rect', x: x + k * bar, y, w: bar, h: 1.7, fill: k % 2 ? '#ffffff' : '#1d2b36', stroke: '#1d2b36', line: 0.2 });
  const say_ = (value) => (length >= 1000 ? number(value / 1000) : number(value));
  for (const k of [0, 2, 4]) text(x + k * bar, y - 1, say_((length * k) / 4) + (k === 4 ? (length >= 1000 ? ' km' : ' m') : ''), 2.3, { anchor: k ? 'middle' : 'start' });
  text(x, page.foot + 2.2, `${say('scale')} 1:${spaced(options.scaleNumber)}`, 3.2, { weight: 700 });
  const right = page.width - 10, room_ = page.width / 2 - 20;
  const rows = [[options.unit && `${say('print.unit')}${say('colon')}${options.unit}`, options.author && `${say('print.author')}${say('colon')}${options.author}`].filter(Boolean).join('   '),
    [`${say('print.date')}${say('colon')}${options.date}`, options.approval && `${say('print.approval')}${say('colon')}${options.approval}`].filter(Boolean).join('   '),
    [options.grid === 'm' ? projected(options.centre.lng, options.centre.lat).name : 'CGCS2000 / WGS 84', say('print.projection'), app.baseCredit && app.baseCredit().attribution, notes].filter(Boolean).join(' · ')].filter(Boolean);
  rows.reverse().forEach((words, k) => text(right, page.foot + 2.2 - 4.1 * k, clipped(words, 2.6, 400, room_), 2.6, { anchor: 'end', colour: k ? '#1d2b36' : '#55626c' }));
}

const spaced = (value) => String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, '\u2009');
