// What a reader has before them, measured inside the browser. `look` and `focused` are sent into the page as they stand: they
// may use nothing from around them.

/** What a document says of itself, and what is wrong with how it can be read. */
export function look() {
  const channels = text => {
    const [red, green, blue, alpha = 1] = text.match(/[\d.]+/g).map(Number);
    return { red, green, blue, alpha };
  };
  const over = (top, below) => {
    const mix = name => top[name] * top.alpha + below[name] * (1 - top.alpha);
    return { red: mix('red'), green: mix('green'), blue: mix('blue'), alpha: 1 };
  };
  // Relative luminance and contrast ratio as WCAG 2.2 defines them.
  const luminance = colour => {
    const linear = value => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(colour.red) + 0.7152 * linear(colour.green) + 0.0722 * linear(colour.blue);
  };
  const ratio = (one, other) => {
    const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  };
  const canvas = matchMedia('(prefers-color-scheme: dark)').matches ? 'rgb(18, 18, 18)' : 'rgb(255, 255, 255)';
  const ground = element => {
    if (!element) return channels(canvas);
    const own = channels(getComputedStyle(element).backgroundColor);
    return own.alpha === 1 ? own : over(own, ground(element.parentElement));
  };
  const isSeen = element => {
    const { width, height } = element.getBoundingClientRect();
    const { opacity, visibility } = getComputedStyle(element);
    return width > 1 && height > 1 && opacity !== '0' && visibility === 'visible';
  };
  const contrasts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const words = walker.currentNode.textContent.trim();
    if (!words || !isSeen(element)) continue;
    const below = ground(element);
    contrasts.push({ words: words.slice(0, 40), ratio: ratio(over(channels(getComputedStyle(element).color), below), below) });
  }
  const labelled = element => document.getElementById(element.getAttribute('aria-labelledby'))?.textContent.trim();
  const all = selector => [...document.querySelectorAll(selector)];
  const attributes = all('*').flatMap(element => [...element.attributes]);
  const cut = all('*').filter(element => isSeen(element) && element.getBoundingClientRect().right > innerWidth + 1);
  return {
    language: document.documentElement.lang,
    title: document.title,
    viewport: document.querySelector('meta[name=viewport]')?.content ?? '',
    headings: all('h1').map(heading => heading.textContent.trim()),
    words: document.body.innerText,
    scripts: all('script').length + attributes.filter(one => /^on/i.test(one.name) || /^\s*javascript:/i.test(one.value)).length,
    images: all('img, link, video, audio, object, embed').length,
    sideways: document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth,
    cut: cut.map(element => element.tagName.toLowerCase()),
    faint: contrasts.filter(one => one.ratio < 4.5).map(one => `“${one.words}” ${one.ratio.toFixed(2)}`),
    faintest: Math.min(...contrasts.map(one => one.ratio)),
    nameless: all('button, a[href], input:not([type=hidden]), iframe')
      .filter(element => !(element.textContent.trim() || element.labels?.length || element.title || element.ariaLabel || labelled(element)))
      .map(element => element.outerHTML.slice(0, 80)),
    small: all('button, a[href], input:not([type=hidden])')
      .filter(element => element.closest('nav, form') && Math.min(element.offsetWidth, element.offsetHeight) < 24)
      .map(element => element.outerHTML.slice(0, 80)),
    controls: all('button, a[href], input:not([type=hidden])').length,
  };
}

/** What has the focus, where it stands, and by what one sees that it has it; nothing when it is the page as a whole. */
export function focused() {
  const element = document.activeElement;
  if (!element || element === document.body || element === document.documentElement) return null;
  const style = getComputedStyle(element);
  const { top, left } = element.getBoundingClientRect();
  const outline = style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth);
  return {
    tag: element.tagName.toLowerCase(),
    name: (element.innerText || element.title || '').trim(),
    current: element.ariaCurrent === 'page',
    top: Math.round(top + scrollY),
    left: Math.round(left),
    isShown: outline >= 2 || style.boxShadow !== 'none',
    isInView: element.getBoundingClientRect().bottom > 0 && top < innerHeight,
  };
}
