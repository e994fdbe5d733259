// Shows in Chromium that the pages for readers of mails do what they are for, without JavaScript and by keyboard. tests/pages
// starts it, with a server, its offline world and the same server twenty minutes later.
import assert from 'node:assert/strict';
import { SCREENS, Tab, launch } from './browser.js';
import { KEYS, LANGUAGES, delivered, makeAwkward, makeClients, sendMarketing } from './klaar.js';
import { walkPreview } from './preview.js';
import { walkUnsubscribe } from './unsubscribe.js';

let began = Date.now();

/** A step that went as it should. */
function told(step, result, { pages, requests, faintest } = {}) {
  const seconds = Math.round((Date.now() - began) / 1000);
  const looks = pages ? `; ${pages} pages, ${requests} requests, all to the server; contrast ≥ ${faintest.toFixed(1)}` : '';
  console.log(`ok  ${step.padEnd(17)} ${result}${looks}${seconds > 1 ? ` (${seconds} s)` : ''}`);
  began = Date.now();
}

/** That scripts do not run is so because of the browser, not because there are none. */
async function withoutScripts(browser) {
  const tab = await Tab.open(browser, 'en', SCREENS[0]);
  await tab.page.goto('data:text/html,<title>before</title><script>document.title = "after"</script>');
  assert.equal(await tab.page.title(), 'before', 'the browser runs scripts');
  await tab.context.close();
  return browser.version();
}

async function walk(browser) {
  const version = await withoutScripts(browser);
  const screens = SCREENS.map(({ width, scheme }) => `${width} ${scheme}`).join(', ');
  told('browser', `Chromium ${version} runs no scripts; screens: ${screens}`);
  const clients = await makeClients();
  await sendMarketing(clients);
  told('marketing', `${clients.length} mails, ${KEYS.length} in each of ${LANGUAGES.join(', ')}, each with a link of its own`);
  await walkUnsubscribe(browser, clients, told);
  const readers = clients.filter(one => one.pressed === KEYS[0]);
  await walkPreview(browser, { delivered: await delivered(), awkward: await makeAwkward() }, readers, told);
}

const browser = await launch();
try {
  await walk(browser);
} catch (error) {
  console.log(`NOT after ${Math.round((Date.now() - began) / 1000)} s: ${error.stack}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
