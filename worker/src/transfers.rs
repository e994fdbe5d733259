//! Client lists coming in.

use klaar_domain::transfers::{ImportClients, Progress, Work};

use crate::run::{Fault, Run};

/// Takes an uploaded file in, a page of lines at a time. Between two pages everything is in the database, so the run may be
/// broken off anywhere.
pub(crate) async fn import_clients(job: ImportClients, run: Run) -> Result<(), Fault> {
    let Some(mut work) = run.blocking(move |db| Work::resume(db, &job)).await? else {
        return Ok(());
    };
    loop {
        let (returned, progress) = run
            .blocking(move |db| {
                let progress = work.page(db)?;
                Ok((work, progress))
            })
            .await?;
        work = returned;
        if progress == Progress::Done {
            break;
        }
    }
    let work = run.blocking(move |db| work.clear(db).map(|()| work)).await?;
    run.settle(move |tx| work.finish(tx)).await
}
