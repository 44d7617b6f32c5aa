// How a set sheet becomes a picture or a page: the same shapes drawn on a canvas, or as SVG whose text stays text.

function paintScene(shapes, mapCanvas, frame, size, ratio) {
  const canvas = el('canvas', { class: 'sheet-picture' });
  const unit = PX_MM * ratio;
  canvas.width = Math.round(size[0] * unit);
  canvas.height = Math.round(size[1] * unit);
  const ctx = canvas.getContext('2d');
  ctx.fillStyle = '#ffffff';
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.scale(unit, unit);
  ctx.drawImage(mapCanvas, frame.x, frame.y, frame.w, frame.h);
  for (const shape of shapes) paintShape(ctx, shape);
  return canvas;
}

function paintShape(ctx, shape) {
  ctx.lineWidth = shape.line || 0.2;
  if (shape.kind === 'picture') ctx.drawImage(shape.canvas, shape.x, shape.y, shape.w, shape.h);
  else if (shape.kind === 'rect') {
    if (shape.fill !== 'none') { ctx.fillStyle = shape.fill; ctx.fillRect(shape.x, shape.y, shape.w, shape.h); }
    if (shape.stroke !== 'none') { ctx.strokeStyle = shape.stroke; ctx.strokeRect(shape.x, shape.y, shape.w, shape.h); }
  } else if (shape.kind === 'text') {
    ctx.save();
    ctx.translate(shape.x, shape.y);
    if (shape.turn) ctx.rotate(shape.turn * RAD);
    // Letters of a few millimetres are set a hundred times larger: browsers round small type.
    ctx.scale(0.01, 0.01);
    ctx.font = `${shape.weight} ${shape.size * 100}px ${shape.isSerif ? SERIF : FONT}`;
    ctx.textAlign = { start: 'left', middle: 'center', end: 'right' }[shape.anchor];
    ctx.fillStyle = shape.colour;
    ctx.fillText(shape.text, 0, 0);
    ctx.restore();
  } else {
    ctx.beginPath();
    shape.points.forEach(([x, y], k) => { if (k) ctx.lineTo(x, y); else ctx.moveTo(x, y); });
    if (shape.kind === 'shape') { ctx.closePath(); ctx.fillStyle = shape.fill; ctx.fill(); }
    ctx.strokeStyle = shape.stroke;
    ctx.stroke();
  }
}

const SERIF = '"Noto Serif CJK SC", "Source Han Serif SC", "Songti SC", STSong, Georgia, serif';

// The same as SVG over the picture of the map, for the printer.
function svgScene(shapes, mapCanvas, frame, size) {
  const page = svg('svg', { viewBox: `0 0 ${size[0]} ${size[1]}`, width: `${size[0]}mm`, height: `${size[1]}mm` });
  page.append(svg('image', { href: mapCanvas.toDataURL('image/png'), x: frame.x, y: frame.y, width: frame.w, height: frame.h, preserveAspectRatio: 'none' }));
  for (const shape of shapes) page.append(svgShape(shape));
  return page;
}

function svgShape(shape) {
  if (shape.kind === 'picture') return svg('image', { href: shape.canvas.toDataURL('image/png'), x: shape.x, y: shape.y, width: shape.w, height: shape.h });
  if (shape.kind === 'rect') return svg('rect', { x: shape.x, y: shape.y, width: shape.w, height: shape.h, fill: shape.fill, stroke: shape.stroke, 'stroke-width': shape.line });
  if (shape.kind === 'text') {
    const turned = shape.turn ? { transform: `rotate(${shape.turn} ${shape.x} ${shape.y})` } : {};
    return svg('text', { x: shape.x, y: shape.y, 'font-size': shape.size, 'font-weight': shape.weight, 'font-family': shape.isSerif ? SERIF : FONT, 'text-anchor': shape.anchor, fill: shape.colour, ...turned }, shape.text);
  }
  const points = shape.points.map(([x, y]) => `${x.toFixed(3)},${y.toFixed(3)}`).join(' ');
  return svg(shape.kind === 'shape' ? 'polygon' : 'polyline', { points, fill: shape.kind === 'shape' ? shape.fill : 'none', stroke: shape.stroke, 'stroke-width': shape.line });
}
