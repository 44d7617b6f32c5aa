// What the legend of a folium map says: the classes of every layer of ours that is on, each a button that hides it.

const LegendBox = L.Control.extend({
  options: { position: 'bottomleft' },

  onAdd() {
    this.box = el('div', { class: 'outfall-legend leaflet-bar', role: 'group', style: {
      background: 'rgba(255,255,255,.94)', padding: '8px 10px', maxHeight: '46vh', maxWidth: '240px', overflow: 'auto', font: '13px/1.35 sans-serif', color: '#26323a', border: '0', boxShadow: '0 1px 5px rgba(0,0,0,.3)' } });
    L.DomEvent.disableClickPropagation(this.box);
    L.DomEvent.disableScrollPropagation(this.box);
    return this.box;
  },
});

function drawLegend(map) {
  const { outfall } = map;
  const drawn = [...outfall.layers].filter((layer) => layer.data && layer.options.legend).sort((one, other) => other.order - one.order);
  const blocks = drawn.flatMap((layer) => layer.data.layers.map((drawn, at) => legendBlock(layer, drawn, layer.sheets[at])));
  if (!outfall.legend) outfall.legend = new LegendBox();
  if (blocks.length && !outfall.legend._map) outfall.legend.addTo(map);
  if (!blocks.length) { outfall.legend.remove(); return; }
  outfall.legend.box.setAttribute('aria-label', drawn[0].data.lang === 'zh' ? '图例' : 'Legend');
  fill(outfall.legend.box, blocks);
}

function legendBlock(layer, drawn, sheet) {
  const { lang } = layer.data;
  const nameOf = (thing) => (lang === 'zh' ? thing.zh : thing.en) || thing.name || thing.value || '';
  const head = el('div', { style: { fontWeight: '600', margin: '2px 0' } }, nameOf(drawn), drawn.unit ? ` (${drawn.unit})` : '');
  if (drawn.kind === 'raster') {
    return el('div', {}, head, (drawn.classes || []).map(([label, colour]) => legendRow(el('span', { 'aria-hidden': 'true', style: { flex: '0 0 26px', height: '14px', background: colour } }), label)));
  }
  const rows = sheet.looks.map((look, at) => {
    const row = el('button', { type: 'button', 'aria-pressed': String(!sheet.hidden.has(at)), style: {
      display: 'flex', gap: '6px', alignItems: 'center', width: '100%', padding: '1px 2px', border: '0', background: 'none', font: 'inherit', color: 'inherit', textAlign: 'left', cursor: 'pointer', opacity: sheet.hidden.has(at) ? '.4' : '1' } },
    swatchOf(look, lang, drawn.kind), el('span', { style: { flex: '1', overflowWrap: 'anywhere' } }, nameOf(look)), el('span', { style: { color: '#5d6a74', paddingLeft: '8px' } }, sheet.counts[at].toLocaleString('en-US')));
    row.addEventListener('click', () => {
      if (!sheet.hidden.delete(at)) sheet.hidden.add(at);
      row.setAttribute('aria-pressed', String(!sheet.hidden.has(at)));
      row.style.opacity = sheet.hidden.has(at) ? '.4' : '1';
      sheet.redraw();
    });
    return row;
  });
  return el('div', { style: { marginBottom: '4px' } }, sheet.looks.length > 1 || nameOf(sheet.looks[0]) !== nameOf(drawn) ? head : null, rows);
}

function legendRow(mark, label) {
  return el('div', { style: { display: 'flex', gap: '6px', alignItems: 'center' } }, mark, el('span', { style: { overflowWrap: 'anywhere' } }, label));
}

function swatchOf(look, lang, kind) {
  const mark = swatch(look, lang, kind);
  Object.assign(mark.style, { width: '26px', height: '22px', flex: '0 0 26px' });
  return mark;
}
