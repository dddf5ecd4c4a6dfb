import { restartsLeaveNothing } from "../e2e/worker-restarts.ts";

restartsLeaveNothing(50);
