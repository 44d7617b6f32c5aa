// Which place is meant by coordinates as people write them: decimal, degrees and minutes, Chinese, shifted datums, CGCS2000 grids.

const SHIFTED = [[/^\s*(gcj-?02|gcj|火星(坐标)?|高德|腾讯)\s*[:：]?/i, 'gcj02'], [/^\s*(bd-?09|百度)\s*[:：]?/i, 'bd09'], [/^\s*(wgs-?\s?84|cgcs-?2000|epsg:?\s?4326|epsg:?\s?4490|国家2000)\s*[:：]?/i, '']];

// Returns {spots: [{lon, lat, datum, isSwapped}], trouble}: no spots and no trouble if the text is no position at all.
function readSpots(text, near) {
  let rest = String(text).replace(/[″”“]/g, '"').replace(/[′’‘]/g, "'").replace(/º/g, '°').normalize('NFKC').replace(/''/g, '"').replace(/−/g, '-').trim();
  let datum = '';
  for (const [prefix, name] of SHIFTED) if (prefix.test(rest)) { rest = rest.replace(prefix, '').trim(); datum = name; break; }
  if (!/\d/.test(rest)) return { spots: [] };
  const grid = readGrid(rest);
  if (grid) return grid;
  const angles = readAngles(rest);
  if (!angles) return { spots: [] };
  if (angles.length === 1) return { spots: [], trouble: 'search.half' };
  return placeAngles(angles, datum, near);
}

// Each angle is {value, side} with side E, W, N, S or ''; null if anything else stands in the text.
function readAngles(text) {
  const side = (word, letter) => [new RegExp(`${word}\\.?\\s*(?=[\\d-])`, 'gi'), letter];
  const words = [[/\blon(gitude)?\b\s*[:=]?|经度\s*[:：]?/gi, 'E'], [/\blat(itude)?\b\s*[:=]?|纬度\s*[:：]?/gi, 'N'], [/东经/g, 'E'], [/西经/g, 'W'], [/北纬/g, 'N'], [/南纬/g, 'S'],
    side('\\be(?:ast)?', 'E'), side('\\bw(?:est)?', 'W'), side('\\bn(?:orth)?', 'N'), side('\\bs(?:outh)?', 'S')];
  const plainText = words.reduce((rest, [word, letter]) => rest.replace(word, letter), text).trim();
  const parts = '(-?\\d+(?:\\.\\d+)?)\\s*(?:°|度|d(?=[\\s\\d]))?\\s*(?:(\\d+(?:\\.\\d+)?)\\s*(?:\'|分)\\s*)?(?:(\\d+(?:\\.\\d+)?)\\s*(?:"|秒)\\s*)?';
  const isLed = /^[EWNS]/i.test(plainText);
  const one = new RegExp(isLed ? `\\s*[,，;；/]?\\s*([EWNS])\\s*${parts}` : `\\s*[,，;；/]?\\s*${parts}\\s*([EWNS])?`, 'iy');
  const found = [];
  let at = 0;
  while (at < plainText.length) {
    one.lastIndex = at;
    const match = one.exec(plainText);
    if (!match || !match[0].trim()) return null;
    const [letter, degrees, minutes, seconds] = isLed ? [match[1], match[2], match[3], match[4]] : [match[4], match[1], match[2], match[3]];
    if (found.length && !isLed && !found[found.length - 1].isMarked && !/[\s,，;；/]/.test(plainText[at - 1] + match[0][0])) return null;
    const size = Math.abs(Number(degrees)) + Number(minutes || 0) / 60 + Number(seconds || 0) / 3600;
    if (Number(minutes || 0) >= 60 || Number(seconds || 0) >= 60) return null;
    const isBelow = degrees.startsWith('-') !== /[WS]/i.test(letter || '');
    found.push({ value: isBelow ? -size : size, side: (letter || '').toUpperCase(), isMarked: /[°度'分]/.test(match[0]) || Boolean(letter) });
    at = one.lastIndex;
  }
  if (found.length === 1) return found[0].isMarked ? found : null;
  // Six bare numbers are degrees, minutes and seconds twice.
  if (found.length === 6 && found.every((angle) => !angle.side)) return [0, 3].map((k) => ({ value: Math.sign(found[k].value || 1) * (Math.abs(found[k].value) + found[k + 1].value / 60 + found[k + 2].value / 3600), side: '' }));
  return found.length === 2 ? found : null;
}

function placeAngles([one, other], datum, near) {
  const isEast = (angle) => /[EW]/.test(angle.side), isNorth = (angle) => /[NS]/.test(angle.side);
  if ((isEast(one) && isEast(other)) || (isNorth(one) && isNorth(other))) return { spots: [] };
  const asRead = [one.value, other.value], turned = [other.value, one.value];
  let choices = [asRead, turned];
  if (isEast(one) || isNorth(other)) choices = [asRead];
  else if (isNorth(one) || isEast(other)) choices = [turned];
  const spots = choices.filter(([lon, lat]) => Math.abs(lon) <= 180 && Math.abs(lat) <= 85)
    .map((pair) => { const [lon, lat] = fromDatum(datum, ...pair); return { lon, lat, given: pair, datum, isSwapped: pair === turned && choices.length > 1 }; });
  if (!spots.length) return { spots, trouble: 'search.outside' };
  // Longitude stands first by custom; where both ways round are places, the one by the data comes first.
  const far = (spot) => Math.hypot((spot.lon - near.lng) * Math.cos((near.lat * Math.PI) / 180), spot.lat - near.lat);
  if (spots.length > 1 && near && far(spots[1]) < far(spots[0])) spots.reverse();
  return { spots: near && spots.length > 1 && far(spots[0]) < 5 && far(spots[1]) > 20 ? spots.slice(0, 1) : spots };
}

// CGCS2000 / Gauss-Krüger with the zone number before the easting: zones 25 to 45 are 3 degrees wide, 13 to 23 are 6.
function readGrid(text) {
  const match = /^[XY]?\s*[:=]?\s*(\d{6,8}(?:\.\d+)?)\s*[,，;；\s]\s*[XY]?\s*[:=]?\s*(\d{6,8}(?:\.\d+)?)\s*m?$/i.exec(text);
  if (!match) return null;
  const [one, other] = [Number(match[1]), Number(match[2])];
  const easting = Math.max(one, other), northing = Math.min(one, other);
  const zone = Math.floor(easting / 1e6);
  const central = zone >= 25 && zone <= 45 ? 3 * zone : zone >= 13 && zone <= 23 ? 6 * zone - 3 : null;
  if (central === null) return { spots: [], trouble: 'search.grid' };
  const [lon, lat] = fromGaussKrueger(easting - zone * 1e6 - 500000, northing, central);
  return { spots: [{ lon, lat, given: [easting, northing], datum: 'grid', central }] };
}

// Krüger's series on the CGCS2000 ellipsoid, to the fourth power of n: below a millimetre within a zone.
function fromGaussKrueger(east, north, central) {
  const f = 1 / 298.257222101, n = f / (2 - f), n2 = n * n, n3 = n2 * n, n4 = n3 * n;
  const radius = (6378137 / (1 + n)) * (1 + n2 / 4 + n4 / 64);
  const back = [n / 2 - (2 / 3) * n2 + (37 / 96) * n3 - n4 / 360, n2 / 48 + n3 / 15 - (437 / 1440) * n4, (17 / 480) * n3 - (37 / 840) * n4, (4397 / 161280) * n4];
  const xi = north / radius, eta = east / radius;
  let xiRound = xi, etaRound = eta;
  back.forEach((part, k) => {
    xiRound -= part * Math.sin(2 * (k + 1) * xi) * Math.cosh(2 * (k + 1) * eta);
    etaRound -= part * Math.cos(2 * (k + 1) * xi) * Math.sinh(2 * (k + 1) * eta);
  });
  const conformal = Math.asin(Math.sin(xiRound) / Math.cosh(etaRound));
  const e = Math.sqrt(f * (2 - f)), tau = Math.tan(conformal);
  let t = tau;
  for (let round = 0; round < 8; round++) {
    const sigma = Math.sinh(e * Math.atanh((e * t) / Math.hypot(1, t)));
    const guess = t * Math.hypot(1, sigma) - sigma * Math.hypot(1, t);
    t += ((tau - guess) / Math.hypot(1, guess)) * ((1 + (1 - e * e) * t * t) / ((1 - e * e) * Math.hypot(1, t)));
  }
  return [central + (Math.atan2(Math.sinh(etaRound), Math.cos(xiRound)) * 180) / Math.PI, (Math.atan(t) * 180) / Math.PI];
}
