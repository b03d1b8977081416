/** `npm start [-- --demo]`: prepares what is missing, then becomes the whole system. */
import { launch } from './launch.mjs';
import { runScript } from './prepare.mjs';

await runScript(() => launch('gateway/main.js', process.argv.slice(2)));
