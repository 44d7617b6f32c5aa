// One sheet of A4: everything in view drawn into one canvas, since printers do not keep several clear ones apart.

let before = null;

function compose() {
  const { map } = app;
  const size = map.getSize(), ratio = 2;
  const canvas = el('canvas', { class: 'print-sheet' });
  canvas.width = size.x * ratio;
  canvas.height = size.y * ratio;
  const ctx = canvas.getContext('2d');
  const base = map.containerPointToLayerPoint([0, 0]).subtract(app.names._bounds.min);
  ctx.scale(ratio, ratio);
  const stamp = (sheet) => { ctx.save(); ctx.translate(-base.x, -base.y); sheet.draw(ctx, { ...app.names.view(), ratio }); ctx.restore(); };
  const isOn = (kind) => app.data.layers.filter((layer) => layer.kind === kind && map.hasLayer(app.sheets[layer.name])).map((layer) => app.sheets[layer.name]);
  stamp(app.graticule);
  isOn('raster').forEach(stamp);
  isOn('lines').forEach(stamp);
  stamp(app.paths);
  isOn('points').forEach(stamp);
  stamp(app.names);
  return canvas;
}

function startPrint() {
  const { map } = app;
  window.addEventListener('beforeprint', () => {
    const folded = [...document.querySelectorAll('#legend details:not(.off):not([open])')];
    before = { center: map.getCenter(), zoom: map.getZoom(), folded };
    for (const node of folded) node.open = true;
    document.body.classList.add('printing');
    map.invalidateSize({ animate: false, pan: false });
    const lit = app.paths.getLit();
    if (lit.isValid()) map.fitBounds(lit, { paddingTopLeft: [270, 40], paddingBottomRight: [330, 50], animate: false, maxZoom: 17 });
    else if (app.selected) map.setView(before.center, before.zoom, { animate: false });
    else fitAll([[270, 30], [60, 50]]);
    map.getContainer().append(compose());
  });
  window.addEventListener('afterprint', () => {
    document.querySelectorAll('.print-sheet').forEach((node) => node.remove());
    document.body.classList.remove('printing');
    map.invalidateSize({ animate: false });
    if (!before) return;
    for (const node of before.folded) node.open = false;
    map.setView(before.center, before.zoom, { animate: false });
    before = null;
  });
}
