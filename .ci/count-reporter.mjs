/**
 * A vitest reporter that writes how many tests passed, failed and were skipped to the file named by `TEST_COUNTS_FILE`.
 * The JSON report of vitest leaves out a file that does not load and an error that nobody caught; here each counts as a
 * failure, and so does a test that was to run and never did.
 */
import { writeFileSync } from 'node:fs';

export default class CountReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      counts.failed += module.errors().length > 0 ? 1 : 0;
      for (const test of module.children.allTests()) counts[test.result().state]++;
      for (const suite of module.children.allSuites()) counts.failed += suite.errors().length > 0 ? 1 : 0;
    }
    const { passed, failed, skipped, pending } = counts;
    writeFileSync(process.env.TEST_COUNTS_FILE, JSON.stringify({ passed, failed: failed + pending, skipped }));
  }
}
