// What the legend says of a raster: its colours with their meaning, its opacity, where it is from.

const lookName = (look) => (app.lang === 'zh' ? look[0] : look[look.length - 2]) || look[0];

// Round numbers along a colour bar, at most six.
function ticksOf([low, high]) {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((part) => part * power).find((part) => part >= rough * 0.999);
  const ticks = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at++) ticks.push(at * step);
  return { ticks, step };
}

function colourBar(layer) {
  const { limits, colours } = layer.plane;
  const { ticks, step } = ticksOf(limits);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9) + (Math.abs(step / 10 ** Math.floor(Math.log10(step) + 1e-9) - 2.5) < 1e-6 ? 1 : 0));
  const words = (value) => value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const place = (value) => `${(100 * (value - limits[0])) / (limits[1] - limits[0])}%`;
  return el('div', { class: 'ramp', role: 'img', 'aria-label': `${called(layer)}: ${words(limits[0])} – ${words(limits[1])} ${layer.unit}` },
    layer.unit ? el('span', { class: 'unit' }, layer.unit) : null,
    el('i', { class: 'bar', style: { background: `linear-gradient(90deg, ${colours.join(', ')})` } }),
    el('div', { class: 'ticks' }, ticks.map((value) => el('span', { style: { left: place(value) } }, words(Math.abs(value) < step / 1e6 ? 0 : value)))));
}

function rasterRows(layer, sheet) {
  const classes = layer.plane && !layer.plane.step
    ? layer.classes.map((look) => el('div', { class: 'row still' }, el('i', { class: 'colour-chip', style: { background: look[look.length - 1] } }), el('span', { class: 'name' }, lookName(look)))) : null;
  const given = !layer.plane && layer.classes.map((look) => el('div', { class: 'row still' }, el('i', { class: 'colour-chip', style: { background: look[look.length - 1] } }), el('span', { class: 'name' }, lookName(look))));
  return el('div', { class: 'rows' },
    layer.plane && layer.plane.step ? colourBar(layer) : null, classes, given,
    el('label', { class: 'by' }, say('legend.opacity'), el('input', {
      type: 'range', min: '0', max: '1', step: '0.05', value: String(sheet.options.opacity), 'data-focus': `opacity:${layer.name}`,
      'aria-label': `${say('legend.opacity')}: ${called(layer)}`, oninput: (event) => sheet.setOpacity(Number(event.target.value)),
    })), layer.note ? el('p', { class: 'hint' }, layer.plane ? layer.note : say('image.scale', layer.note)) : null);
}
