//! Templates: what a practice's mails say. The practice writes subject, body and postscript in its languages, with
//! placeholders from a closed list of variables; what it writes is checked when it is saved, keeps all its versions and can
//! be brought back to the delivered text. Here it is also filled in for a client; sending is the campaigns' business.

mod actions;
mod attachments;
mod categories;
mod checks;
mod compiled;
mod delivered;
mod file_names;
mod files;
mod given;
mod jobs;
mod kinds;
mod markup;
mod model;
mod pieces;
mod previews;
mod queries;
mod tags;
mod values;
mod variables;

pub use actions::{NewTemplate, Restored, TemplateChange, change, create, delete, restore};
pub(crate) use attachments::language_in;
pub use attachments::{
    Attachment, AttachmentChange, AttachmentId, MOST_ATTACHMENTS, MOST_CARRIED, MOST_OCTETS, attach, attachment,
    carried_octets, change_attachment, detach,
};
pub use categories::{CategoryChange, NewCategory, change_category, create_category};
pub use checks::{LONGEST_BODY, LONGEST_POSTSCRIPT, LONGEST_SUBJECT, SaidText, checked};
pub use compiled::{Compiled, Frame, Unwritable};
pub use files::{Arrived, Incoming, enclosure, file_piece, idle_files, is_kept, remove_file};
pub use given::Given;
pub use jobs::{SendTemplateTest, Test, request_test, test_ended, test_to_send};
pub use model::{Category, Content, MOST_TEMPLATES, Template, TemplateCategoryId, TemplateId, Text, Version};
pub use previews::{Asked, Preview, preview};
pub use queries::{categories, category, template, templates, version, versions};
pub use values::{Addressee, Filled, Ground};
pub use variables::{Described, FIXED, Kind, Variable, variables};
