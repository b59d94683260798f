/** @file The kinds of documents and the files of views, as gc and verify get them. */
import { type DocumentKinds, STORED_KINDS } from '../../storage/document-kinds.ts';
import type { ViewLayouts } from '../../storage/view-layout.ts';
import { ARTIFACTS } from '../experiments/border/artifacts.ts';
import { DATASET_VIEW } from '../views/dataset-view.ts';
import { EXPERIMENT_VIEW } from '../views/experiment-view.ts';
import { REPORT_VIEW } from '../views/report-view.ts';

export const DOCUMENT_KINDS: DocumentKinds = {
  ...STORED_KINDS,
  ...Object.fromEntries(ARTIFACTS.map(({ artifact }) => [artifact.kind, artifact])),
};

export const VIEW_LAYOUTS: ViewLayouts = {
  experiments: EXPERIMENT_VIEW,
  datasets: DATASET_VIEW,
  reports: REPORT_VIEW,
};
