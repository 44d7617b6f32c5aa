// How the engine draws a layer: the looks of the legend as layers of a MapLibre style, and symbols as pictures. Zooms there are one less than ours.

const GL_FONT = ['Noto Sans CJK SC', 'Noto Sans SC', 'PingFang SC', 'Microsoft YaHei', 'Helvetica Neue', 'Arial'];
const isWaterLook = (look) => Boolean(look.edge) && look.edge !== '#ffffff';

// A value of the look by the class of a feature.
function byClass(sheet, value) {
  const values = sheet.looks.map(value);
  if (values.every((one) => one === values[0])) return values[0];
  return ['match', ['get', 'k'], ...values.slice(1).flatMap((one, at) => [at + 1, one]), values[0]];
}

const isClass = (sheet, test) => ['match', ['get', 'k'], [-1, ...sheet.looks.map((look, at) => (test(look) ? at : -1)).filter((at) => at >= 0)], true, false];

// Our lines grow with the scale; what is added to the width for an edge stays.
function widthOf(sheet, more) {
  const at = (zoom, grow) => [zoom, ['+', more, ['max', 0.9, ['*', grow, byClass(sheet, (look) => look.width || 2)]]]];
  return ['interpolate', ['linear'], ['zoom'], ...at(9.8, 0.45), ...at(17.9, 2.4)];
}

// Returns layers of a style without id and source. The lower are first.
function lookLayers(sheet) {
  return { points: pointLooks, lines: lineLooks, polygons: areaLooks }[sheet.layer.kind](sheet);
}

function pointLooks(sheet) {
  const { radius, crowdedTo } = sheet;
  const isMain = sheet.layer.name === 'outfalls';
  const share = (pixels) => Math.min(1, pixels / radius);
  const dots = { type: 'circle', maxzoom: crowdedTo, paint: {
    'circle-color': byClass(sheet, (look) => look.colour),
    'circle-radius': ['interpolate', ['linear'], ['zoom'], Math.max(0, crowdedTo - 5), 1.3, crowdedTo, 3.4],
    'circle-pitch-alignment': 'viewport',
  } };
  const stamps = { type: 'symbol', minzoom: crowdedTo, layout: {
    'icon-image': iconOf(sheet, app.lang), 'icon-allow-overlap': true, 'icon-size': ['step', ['zoom'], share(5.5), 9, share(7), 11, 1],
    // A picture has room for its shadow; names may come up to the shape.
    'icon-padding': radius + 1 - Math.ceil(radius * 1.5 + 4), 'symbol-z-order': 'source',
  } };
  // Below all symbols, and so placed after them: no name takes the room of one.
  const names = { type: 'symbol', minzoom: Math.max(crowdedTo, sheet.namesFrom - 1), isName: true, layout: {
    'text-field': ['coalesce', ['get', 't'], ''], 'text-font': isMain ? [`${GL_FONT[0]} Semibold`, ...GL_FONT] : GL_FONT, 'text-size': isMain ? 11.5 : 11, 'text-padding': 2,
    'text-variable-anchor': ['left', 'right', 'top', 'bottom'], 'text-radial-offset': (radius + 4) / 11, 'text-justify': 'auto',
  }, paint: { 'text-color': isMain ? '#1d2b36' : '#4b4638', 'text-halo-color': 'rgba(250, 248, 241, 0.92)', 'text-halo-width': 1.6 } };
  const ring = { type: 'symbol', minzoom: crowdedTo, filter: ['has', 'r'], layout: { 'icon-image': `${sheet.at}.${sheet.turn}.ring`, 'icon-allow-overlap': true, 'icon-ignore-placement': true, 'icon-size': stamps.layout['icon-size'] } };
  return [...(crowdedTo > 0 ? [dots] : []), ...(sheet.layer.ring ? [ring] : []), stamps, ...(sheet.layer.label ? [names] : [])];
}

// A class that has no look any more, because the column was changed a moment ago, has no symbol.
const iconOf = (sheet, kind) => ['match', ['get', 'k'], ...sheet.looks.flatMap((_, at) => [at, `${sheet.at}.${sheet.turn}.${kind}.${at}`]), ''];

// All banks before all water, so that confluences are open; then casings, then pipes, one layer for every kind of dash.
function lineLooks(sheet) {
  const round = { 'line-cap': 'round', 'line-join': 'round' };
  const line = (test, colour, more, dash) => ({ type: 'line', filter: isClass(sheet, test), layout: dash ? { 'line-join': 'round' } : round, paint: {
    'line-color': byClass(sheet, colour), 'line-width': widthOf(sheet, more), ...(dash ? { 'line-dasharray': dash } : {}),
  } });
  const isPipe = (look) => !isWaterLook(look);
  const made = [];
  if (sheet.looks.some(isWaterLook)) {
    // Where reaches are crowded the bank would be all there is to see.
    made.push({ ...line(isWaterLook, (look) => look.edge, 1.8), minzoom: sheet.crowdedTo }, line(isWaterLook, (look) => look.colour, 0));
  }
  if (sheet.looks.some(isPipe)) made.push({ ...line(isPipe, () => '#fbfaf5', 2.2), minzoom: 10.4 });
  const dashOf = (look) => (look.dash && look.dash.length ? look.dash.map((part) => part / (look.width || 2)).join(' ') : '');
  for (const dash of new Set(sheet.looks.filter(isPipe).map(dashOf))) {
    made.push(line((look) => isPipe(look) && dashOf(look) === dash, (look) => look.colour, 0, dash ? dash.split(' ').map(Number) : null));
  }
  if (sheet.layer.column.forward_share) made.push({ type: 'symbol', minzoom: 12, filter: ['has', 'f'], layout: {
    'symbol-placement': 'line', 'symbol-spacing': 100, 'icon-image': iconOf(sheet, 'arrow'),
    'icon-rotate': ['match', ['get', 'f'], 0, 180, 0], 'icon-allow-overlap': true, 'icon-ignore-placement': true, 'icon-rotation-alignment': 'map', 'icon-keep-upright': false,
  } });
  if (sheet.layer.label) made.push({ type: 'symbol', minzoom: sheet.namesFrom - 1, isName: true, layout: {
    'symbol-placement': 'line', 'symbol-spacing': 180, 'text-offset': [0, -1], 'text-field': ['coalesce', ['get', 't'], ''], 'text-font': GL_FONT, 'text-size': 12, 'text-letter-spacing': 0.12, 'text-max-angle': 40,
  }, paint: { 'text-color': '#22607f', 'text-halo-color': 'rgba(250, 248, 241, 0.92)', 'text-halo-width': 1.6 } });
  return made;
}

function areaLooks(sheet) {
  const opacity = sheet.layer.opacity === undefined ? 0.6 : sheet.layer.opacity;
  return [
    { type: 'fill', paint: { 'fill-color': byClass(sheet, (look) => look.colour), 'fill-opacity': opacity, 'fill-antialias': false } },
    { type: 'line', layout: { 'line-join': 'round' }, paint: { 'line-color': byClass(sheet, edgeOf), 'line-opacity': Math.min(1, opacity + 0.35), 'line-width': ['interpolate', ['linear'], ['zoom'], 9, 0.7, 15, 1.6] } },
  ];
}

// The same stamps, rings and arrows as on the other page, handed over as pictures.
function addSymbols(map, sheet) {
  const { kind } = sheet.layer, add = (name, half, paint) => map.addImage(`${sheet.at}.${sheet.turn}.${name}`, pictureOf(half, paint), { pixelRatio: GL_RATIO });
  sheet.looks.forEach((look, at) => {
    if (kind === 'lines') add(`arrow.${at}`, 8, (ctx) => arrowOf(ctx, look));
    else if (kind === 'points') for (const lang of ['zh', 'en']) {
      const { canvas, half } = symbol(look, sheet.radius, lang, GL_RATIO);
      add(`${lang}.${at}`, half, (ctx) => ctx.drawImage(canvas, 0, 0, 2 * half, 2 * half));
    }
  });
  if (kind === 'points' && sheet.layer.ring) add('ring', sheet.radius + 7, (ctx) => {
    ctx.setLineDash([3, 2.5]);
    ctx.strokeStyle = '#3b4650';
    ctx.lineWidth = 1.3;
    ctx.arc(sheet.radius + 7, sheet.radius + 7, sheet.radius + 4.5, 0, 7);
    ctx.stroke();
  });
}

const GL_RATIO = 2;
let scratch = null;

function pictureOf(half, paint) {
  const size = 2 * Math.ceil(half) * GL_RATIO;
  scratch = scratch || document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  scratch.canvas.width = scratch.canvas.height = size;
  scratch.scale(GL_RATIO, GL_RATIO);
  paint(scratch);
  return scratch.getImageData(0, 0, size, size);
}

// The way the water runs, from left to right.
function arrowOf(ctx, look) {
  const size = isWaterLook(look) ? 4.2 : 4.6;
  ctx.translate(8, 8);
  ctx.beginPath();
  for (const [x, y] of [[1, 0], [-0.7, -0.78], [-0.3, 0], [-0.7, 0.78]]) ctx.lineTo(x * size, y * size);
  ctx.closePath();
  ctx.strokeStyle = isWaterLook(look) ? 'rgba(255, 255, 255, 0)' : '#fbfaf5';
  ctx.lineWidth = 1.6;
  ctx.stroke();
  ctx.fillStyle = isWaterLook(look) ? look.edge : look.colour;
  ctx.fill();
}

function dropSymbols(map, sheet) {
  for (const id of map.listImages()) if (id.startsWith(`${sheet.at}.`)) map.removeImage(id);
}
