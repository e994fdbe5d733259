// Chromium without JavaScript, as a person at a keyboard has it before them, on screens of three widths, light and dark.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { focused, look } from './looks.js';

const { KLAAR_CHROMIUM: executablePath, KLAAR_CHROMIUM_LIBS: libraries, KLAAR_PICTURES: pictures } = process.env;
const WIDTHS = [320, 375, 1024];
const SCHEMES = ['light', 'dark'];
const HEIGHT = 720;
// Nothing but this machine: every name leads nowhere.
const ALONE = ['--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1', '--disable-background-networking', '--no-first-run'];

/** Every screen that a page is looked at on. */
export const SCREENS = WIDTHS.flatMap(width => SCHEMES.map(scheme => ({ width, scheme })));

/** The browser, with libraries of its own when it was unpacked and not installed. */
export function launch() {
  const env = libraries ? { ...process.env, LD_LIBRARY_PATH: libraries } : process.env;
  return chromium.launch({ executablePath, env, args: ALONE, chromiumSandbox: false });
}

/** A tab whose reader likes a language best; it notes what it asks for and what it complains of. */
export class Tab {
  static async open(browser, language, { width, scheme }) {
    const context = await browser.newContext({
      javaScriptEnabled: false,
      locale: language,
      colorScheme: scheme,
      viewport: { width, height: HEIGHT },
      isMobile: width < 768,
      reducedMotion: 'reduce',
    });
    const tab = new Tab();
    tab.context = context;
    tab.page = await context.newPage();
    tab.screen = `${width}-${scheme}`;
    tab.width = width;
    tab.asked = [];
    tab.complaints = [];
    context.on('request', request => tab.asked.push(request.url()));
    tab.page.on('console', message => tab.complaints.push(message.text()));
    tab.page.on('pageerror', error => tab.complaints.push(String(error)));
    return tab;
  }

  /** Follows a link, and says with which status it was answered. */
  async follow(url) {
    return (await this.page.goto(url)).status();
  }

  /** Presses a key that leads to another page, and says with which status that was answered. */
  async press(key) {
    const answered = this.page.waitForResponse(response => response.request().isNavigationRequest() && !response.frame().parentFrame());
    const arrived = this.page.waitForEvent('load');
    await this.page.keyboard.press(key);
    const [response] = await Promise.all([answered, arrived]);
    return response.status();
  }

  /** Everything that Tab reaches on the page, in its order, each with a look at where it is. */
  async reachable() {
    await this.page.evaluate(() => document.activeElement?.blur());
    const reached = [];
    for (let at = 0; at < 50; at++) {
      await this.page.keyboard.press('Tab');
      const now = await this.page.evaluate(focused);
      if (!now || (now.tag === reached[0]?.tag && now.top === reached[0].top && now.left === reached[0].left)) return reached;
      if (now.tag === 'iframe' && reached.at(-1)?.tag === 'iframe') continue;
      if (now.tag === 'iframe') now.isShown = await this.isSeenInFrame();
      reached.push(now);
    }
    assert.fail(`Tab does not come to an end: ${reached.map(one => one.name).join(', ')}`);
  }

  /** Whether one sees within the frame that it has the focus. */
  async isSeenInFrame() {
    const frame = this.page.frames().find(one => one !== this.page.mainFrame());
    return frame.evaluate(() => {
      const element = document.activeElement;
      return document.hasFocus() && element.matches(':focus-visible') && parseFloat(getComputedStyle(element).outlineWidth) >= 2;
    });
  }

  /** Presses Tab until this has the focus. */
  async tabTo(isIt) {
    await this.page.evaluate(() => document.activeElement?.blur());
    for (let at = 0; at < 50; at++) {
      await this.page.keyboard.press('Tab');
      const now = await this.page.evaluate(focused);
      if (now && isIt(now)) return now;
    }
    return assert.fail('Tab does not reach it');
  }

  /** Holds the page that is shown to what every page owes its readers; `language` is the one that it must be in. */
  async readable(language) {
    const seen = await this.page.evaluate(look);
    assert.equal(seen.language, language, 'html lang');
    assert(seen.title, 'it has no title');
    assert.equal(seen.headings.length, 1, `h1: ${seen.headings}`);
    assert(seen.headings[0], 'h1 is empty');
    assert.match(seen.viewport, /width=device-width/);
    assert.doesNotMatch(seen.viewport, /user-scalable|maximum-scale/, 'it cannot be enlarged');
    assert.equal(seen.scripts, 0, 'there are scripts');
    assert.equal(seen.images, 0, 'there is something to load');
    this.fits(seen, 'the page');
    assert.deepEqual(seen.nameless, [], 'without a name');
    assert.deepEqual(seen.small, [], 'too small to hit');
    return seen;
  }

  /** Holds a document to what can be read on this screen. */
  fits(seen, what) {
    assert(seen.sideways <= 0, `${what} scrolls sideways by ${seen.sideways} px`);
    assert.deepEqual(seen.faint, [], `${what} has text with too little contrast`);
  }

  /** Tab goes from top to bottom, and one sees where it is. */
  inOrder(reached) {
    for (const [at, one] of reached.entries()) {
      const before = reached[at - 1];
      assert(one.isShown, `one does not see that “${one.name}” has the focus`);
      assert(one.isInView, `“${one.name}” has the focus out of sight`);
      const goesOn = !before || one.top > before.top || (one.top === before.top && one.left > before.left);
      assert(goesOn, `Tab goes from “${before?.name}” back to “${one.name}”`);
    }
  }

  /** Keeps a picture of the page as it is. */
  async picture(name) {
    if (!pictures) return;
    mkdirSync(pictures, { recursive: true });
    await this.page.screenshot({ path: join(pictures, `${name}-${this.screen}.png`), fullPage: true });
  }

  /** Ends it. Nothing was asked of anybody but these servers, and the browser has complained of nothing. */
  async close(...servers) {
    const elsewhere = this.asked.filter(url => !servers.some(server => url.startsWith(`${server}/`)));
    assert.deepEqual(elsewhere, [], 'asked for elsewhere');
    const complaints = this.complaints.filter(one => !/the server responded with a status of 404/.test(one));
    assert.deepEqual(complaints, [], 'the browser complains');
    await this.context.close();
    return this.asked.length;
  }
}
