/** @file The HTTP interface as one Hono app. It opens no socket, so tests call `app.request`. */
import { Hono } from 'hono';
import { getPath } from 'hono/utils/url';
import { AppError, NotFound } from '../errors.ts';
import type { RouteDoc, ServerDeps } from './deps.ts';
import { createGuard } from './guard.ts';
import { handleError } from './problem.ts';
import { actionDocs, createActionRoutes } from './routes/actions.ts';
import { approvalDocs, createApprovalRoutes } from './routes/approvals.ts';
import { checkpointDocs, createCheckpointRoutes } from './routes/checkpoints.ts';
import { createDatasetRoutes, datasetDocs } from './routes/datasets.ts';
import { createDiffRoutes, diffDocs } from './routes/diff.ts';
import { createDocRoutes, docDocs } from './routes/docs.ts';
import { createExperimentRoutes, experimentDocs } from './routes/experiments.ts';
import { createFunctionRoutes, functionDocs } from './routes/functions.ts';
import { createHealthRoutes, healthDocs } from './routes/health.ts';
import { createHomeRoutes, homeDocs } from './routes/home.ts';
import { createModelRoutes, modelDocs } from './routes/models.ts';
import { createObjectRoutes, objectDocs } from './routes/objects.ts';
import { createReportRoutes, reportDocs } from './routes/reports.ts';
import { createRunRoutes, runDocs } from './routes/runs.ts';
import { createSampleRoutes, sampleDocs } from './routes/sample.ts';

/** Every route of the app, in the order of the docs. */
export const ROUTES: readonly RouteDoc[] = [
  ...functionDocs,
  ...runDocs,
  ...actionDocs,
  ...datasetDocs,
  ...approvalDocs,
  ...diffDocs,
  ...experimentDocs,
  ...checkpointDocs,
  ...sampleDocs,
  ...reportDocs,
  ...modelDocs,
  ...objectDocs,
  ...healthDocs,
  ...homeDocs,
  ...docDocs,
];

export interface AppOptions {
  /** Receives defects of Easel with their stack; default: standard error. */
  readonly log?: (line: string) => void;
}

export function createApp(deps: ServerDeps, options: AppOptions = {}): Hono {
  const log = options.log ?? (line => console.error(line));
  const onError = handleError(log);
  const app = new Hono({ getPath: readPath });
  app.use(createGuard(deps.env));
  app.route('/', createFunctionRoutes(deps));
  app.route('/', createRunRoutes(deps));
  app.route('/', createActionRoutes(deps));
  app.route('/', createDatasetRoutes(deps));
  app.route('/', createApprovalRoutes(deps));
  app.route('/', createDiffRoutes(deps));
  app.route('/', createExperimentRoutes(deps));
  app.route('/', createCheckpointRoutes(deps));
  app.route('/', createSampleRoutes(deps));
  app.route('/', createReportRoutes(deps));
  app.route('/', createModelRoutes(deps));
  app.route('/', createObjectRoutes(deps));
  app.route('/', createHealthRoutes(deps));
  app.route('/', createHomeRoutes(deps));
  app.route('/', createDocRoutes(deps, ROUTES));
  app.onError(onError);
  app.notFound(c => {
    const methods = ROUTES.filter(route => matchesPath(route.path, c.req.path)).map(route =>
      route.method.toUpperCase(),
    );
    if (methods.length === 0) {
      return onError(
        new NotFound(`there is no ${c.req.path.slice(0, 200)}`, { hint: 'GET /docs lists every call' }),
        c,
      );
    }
    const answer = onError(
      new MethodNotAllowed(`${c.req.path.slice(0, 200)} has no ${c.req.method}`, { expected: methods.join(', ') }),
      c,
    );
    answer.headers.set('allow', methods.join(', '));
    return answer;
  });
  return app;
}

/** The path without slashes at its end, and with single ones, which people type or join. */
function readPath(request: Request): string {
  const path = getPath(request).replace(/\/{2,}/g, '/');
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

class MethodNotAllowed extends AppError {
  readonly code = 'method_not_allowed';
  readonly status = 405;
}

function matchesPath(pattern: string, path: string): boolean {
  const [expected, given] = [pattern.split('/'), path.split('/')];
  return (
    expected.length === given.length && expected.every((part, index) => part.startsWith(':') || part === given[index])
  );
}
