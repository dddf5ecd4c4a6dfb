// The short form of test/long/worker-restarts.test.ts.

import { restartsLeaveNothing } from "./worker-restarts.ts";

restartsLeaveNothing(12);
